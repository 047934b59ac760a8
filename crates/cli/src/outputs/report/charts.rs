//! Charts as inline SVG, drawn for a width that fits a phone: 340 units wide, text of 12 units.

use std::fmt::Write as _;

use super::html::{escape, number};

/// Width of every chart.
const WIDTH: f64 = 340.0;
/// Width of an average character of the 12-unit font, generously.
const CHARACTER: f64 = 7.8;
/// Room above the plot for the title of the vertical axis.
const TOP: f64 = 24.0;
/// Room below the plot for labels and the title of the horizontal axis.
const BOTTOM: f64 = 42.0;

/// Names of a chart for those who do not see it.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    /// What it shows, in a sentence with its main figures.
    pub description: &'a str,
}

/// What stands along the axes.
#[derive(Clone, Copy)]
pub struct Axes<'a> {
    pub x: &'a str,
    pub y: &'a str,
    /// How a figure of the vertical axis is written.
    pub y_text: fn(f64) -> String,
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranged {
    pub middle: f64,
    pub low: f64,
    pub high: f64,
}

impl Ranged {
    /// A figure without an interval.
    pub fn exact(middle: f64) -> Self {
        Self { middle, low: middle, high: middle }
    }
}

/// A column of a column chart.
pub struct Column {
    pub label: String,
    pub height: f64,
    /// Drawn as an outline: not to be compared with the others.
    pub hollow: bool,
    /// What it is compared with.
    pub mark: Option<Ranged>,
}

/// Lines of an SVG under construction.
struct Canvas {
    height: f64,
    body: String,
}

impl Canvas {
    fn new(height: f64) -> Self {
        Self { height, body: String::with_capacity(2_048) }
    }

    fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(number);
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        let _ =
            write!(self.body, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }

    fn circle(&mut self, class: &str, (x, y): (f64, f64), r: f64) {
        let [x, y, r] = [x, y, r].map(number);
        let _ = write!(self.body, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>");
    }

    fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> =
            points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
        let _ = write!(self.body, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }

    fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let (x, y, text) = (number(x), number(y), escape(text));
        let _ = write!(self.body, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
    }

    fn finish(self, names: Names<'_>) -> String {
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>{body}</svg>",
            id = escape(names.id),
            height = number(self.height),
            title = escape(names.title),
            description = escape(names.description),
            body = self.body,
        )
    }
}

/// A canvas with scales and axes.
struct Plot {
    canvas: Canvas,
    left: f64,
    bottom: f64,
    x_max: f64,
    y_max: f64,
}

impl Plot {
    fn new(axes: Axes<'_>, height: f64, x_max: f64, y_top: f64) -> Self {
        let ticks = ticks(y_top);
        let y_max = ticks.last().copied().unwrap_or(1.0);
        let longest = ticks.iter().map(|&tick| (axes.y_text)(tick).chars().count()).max().unwrap_or(1);
        let left = longest as f64 * CHARACTER + 8.0;
        let x_max = if x_max > 0.0 { x_max } else { 1.0 };
        let mut plot = Self { canvas: Canvas::new(height), left, bottom: height - BOTTOM, x_max, y_max };
        plot.canvas.text("axis start", (0.0, 11.0), axes.y);
        plot.canvas.text("axis end", (WIDTH, height - 3.0), axes.x);
        for tick in ticks {
            let y = plot.y(tick);
            plot.canvas.line(if tick == 0.0 { "base" } else { "grid" }, (left, y), (WIDTH, y));
            plot.canvas.text("tick end", (left - 5.0, y + 4.0), &(axes.y_text)(tick));
        }
        plot
    }

    fn x(&self, x: f64) -> f64 {
        self.left + 6.0 + (WIDTH - self.left - 16.0) * finite(x) / self.x_max
    }

    fn y(&self, y: f64) -> f64 {
        self.bottom - (self.bottom - TOP) * (finite(y) / self.y_max).clamp(0.0, 1.0)
    }

    /// A dot with its interval, on a halo that sets it off from a column.
    fn ranged(&mut self, x: f64, mark: Ranged) {
        let (low, high) = (self.y(mark.low), self.y(mark.high));
        if low - high > 0.5 {
            self.canvas.line("halo", (x, low), (x, high));
            self.canvas.line("whisker", (x, low), (x, high));
        }
        let at = (x, self.y(mark.middle));
        self.canvas.circle("dot", at, 3.5);
    }
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

/// Three to six round numbers from 0 to at least `top`.
fn ticks(top: f64) -> Vec<f64> {
    if !(top > 0.0 && top.is_finite()) {
        return vec![0.0, 1.0];
    }
    let rough = top / 4.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|s| s * decade).find(|&s| s >= rough * 0.999);
    let step = step.unwrap_or(10.0 * decade);
    let n = (top / step - 1e-9).ceil().max(1.0) as usize;
    (0..=n).map(|k| k as f64 * step).collect()
}

/// Columns, with marks where there is something to compare.
pub fn columns(names: Names<'_>, axes: Axes<'_>, columns: &[Column]) -> String {
    let tops = columns.iter().flat_map(|column| [Some(column.height), column.mark.map(|m| m.high)]).flatten();
    let top = tops.filter(|top| top.is_finite()).fold(0.0, f64::max);
    let mut plot = Plot::new(axes, 210.0, 1.0, top);
    let room = (WIDTH - plot.left - 4.0) / columns.len().max(1) as f64;
    let longest = columns.iter().map(|column| column.label.chars().count()).max().unwrap_or(1);
    // Labels that do not fit side by side: every second, third, ...
    let every = ((longest as f64 * CHARACTER + 4.0) / room).ceil().max(1.0) as usize;
    for (at, column) in columns.iter().enumerate() {
        let x = plot.left + 2.0 + room * at as f64;
        let (y, bottom) = (plot.y(column.height), plot.bottom);
        let class = if column.hollow { "hollow" } else { "fill" };
        plot.canvas.rect(class, x + 0.12 * room, y, 0.76 * room, bottom - y);
        if let Some(mark) = column.mark {
            plot.ranged(x + 0.5 * room, mark);
        }
        if at.is_multiple_of(every) {
            let half = 0.5 * CHARACTER * column.label.chars().count() as f64;
            let middle = (x + 0.5 * room).min(WIDTH - half);
            plot.canvas.text("tick middle", (middle, bottom + 18.0), &column.label);
        }
    }
    plot.canvas.finish(names)
}

/// One line of a line chart.
pub struct Curve {
    /// `curve`, or `dashed` for what it is compared with.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// Lines and dots over a numeric axis; `dots` are (x, figure with interval).
pub fn lines(
    names: Names<'_>,
    axes: Axes<'_>,
    x_text: fn(f64) -> String,
    curves: &[Curve],
    dots: &[(f64, Ranged)],
) -> String {
    let all = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let xs = all().map(|point| point.0).chain(dots.iter().map(|dot| dot.0));
    let ys = all().map(|point| point.1).chain(dots.iter().map(|dot| dot.1.high));
    let largest = |cells: &mut dyn Iterator<Item = f64>| cells.filter(|x| x.is_finite()).fold(0.0, f64::max);
    let (x_max, y_max) = (largest(&mut { xs }), largest(&mut { ys }));
    let mut plot = Plot::new(axes, 230.0, x_max, y_max);
    for tick in ticks(x_max).into_iter().filter(|&tick| tick <= x_max * 1.001) {
        let x = plot.x(tick);
        let bottom = plot.bottom;
        let text = x_text(tick);
        let half = 0.5 * CHARACTER * text.chars().count() as f64;
        plot.canvas.text("tick middle", (x.min(WIDTH - half), bottom + 18.0), &text);
    }
    for curve in curves {
        let points: Vec<(f64, f64)> = curve.points.iter().map(|&(x, y)| (plot.x(x), plot.y(y))).collect();
        plot.canvas.path(curve.class, &points);
    }
    for &(x, mark) in dots {
        let x = plot.x(x);
        plot.ranged(x, mark);
    }
    plot.canvas.finish(names)
}

/// A persona on the map.
pub struct Bubble {
    pub letter: String,
    pub x: f64,
    pub y: f64,
    /// Share of customers, 0..=1: the area.
    pub share: f64,
}

/// Bubbles on a plane, both axes on one scale; letters keep clear of each other.
pub fn bubbles(names: Names<'_>, list: &[Bubble]) -> String {
    const MOST_HIGH: f64 = 260.0;
    const LARGEST: f64 = 34.0;
    const LETTER: f64 = 15.0;
    let range = |of: fn(&Bubble) -> f64| {
        let cells = || list.iter().map(of).filter(|x| x.is_finite());
        (cells().fold(f64::INFINITY, f64::min), cells().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((left, right), (low, high)) = (range(|b| b.x), range(|b| b.y));
    let largest = list.iter().map(|b| finite(b.share)).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let margin = LARGEST + 4.0;
    let scale = |room: f64, from: f64, to: f64| if to > from { room / (to - from) } else { f64::INFINITY };
    let unit = scale(WIDTH - 2.0 * margin, left, right).min(scale(MOST_HIGH - 2.0 * margin, low, high));
    let unit = if unit.is_finite() { unit } else { 0.0 };
    let height = 2.0 * margin + unit * finite(high - low);
    let (mid_x, mid_y) = (0.5 * (left + right), 0.5 * (low + high));
    let place =
        |b: &Bubble| (0.5 * WIDTH + unit * finite(b.x - mid_x), 0.5 * height - unit * finite(b.y - mid_y));
    let mut canvas = Canvas::new(height);
    let origin = (0.5 * WIDTH - unit * finite(mid_x), 0.5 * height + unit * finite(mid_y));
    canvas.line("grid", (origin.0, 0.0), (origin.0, height));
    canvas.line("grid", (0.0, origin.1), (WIDTH, origin.1));
    for bubble in list {
        let r = (finite(bubble.share).max(0.0) / largest).sqrt() * LARGEST;
        canvas.circle("bubble", place(bubble), r.max(5.0));
    }
    let mut letters: Vec<(f64, f64)> = Vec::new();
    for bubble in list {
        let home = place(bubble);
        let free = |at: (f64, f64)| {
            let apart =
                |other: &(f64, f64)| (other.0 - at.0).abs() > LETTER || (other.1 - at.1).abs() > LETTER;
            letters.iter().all(apart)
        };
        // Sideways in growing steps, so that a leader line is short.
        let places = (0..40).map(|k| {
            let step = LETTER * f64::from((k + 1) / 2) * if k % 2 == 0 { 1.0 } else { -1.0 };
            ((home.0 + step).clamp(8.0, WIDTH - 8.0), home.1)
        });
        let at = places.into_iter().find(|&at| free(at)).unwrap_or(home);
        if (at.0 - home.0).abs() > 1.0 {
            canvas.line("leader", home, at);
        }
        canvas.text("letter", (at.0, at.1 + 5.0), &bubble.letter);
        letters.push(at);
    }
    canvas.finish(names)
}

/// One line of an interval chart: ours above, the baseline below.
pub struct IntervalRow {
    pub label: String,
    pub ours: Ranged,
    pub baseline: Option<Ranged>,
}

/// Figures with intervals side by side on one scale.
pub fn intervals(names: Names<'_>, text: fn(f64) -> String, rows: &[IntervalRow]) -> String {
    const ROW: f64 = 62.0;
    let highs = rows.iter().flat_map(|row| [Some(row.ours.high), row.baseline.map(|b| b.high)]).flatten();
    let ticks = ticks(highs.filter(|high| high.is_finite()).fold(0.0, f64::max));
    let most = ticks.last().copied().unwrap_or(1.0);
    let height = ROW * rows.len() as f64 + 24.0;
    let x = |value: f64| 12.0 + (WIDTH - 30.0) * (finite(value) / most).clamp(0.0, 1.0);
    let mut canvas = Canvas::new(height);
    for &tick in &ticks {
        canvas.line("grid", (x(tick), 0.0), (x(tick), height - 22.0));
        canvas.text("tick middle", (x(tick), height - 6.0), &text(tick));
    }
    for (at, row) in rows.iter().enumerate() {
        let y = ROW * at as f64;
        canvas.text("label start", (0.0, y + 14.0), &row.label);
        let marks = [(Some(row.ours), "fill", y + 28.0), (row.baseline, "hollow", y + 44.0)];
        for (mark, class, y) in marks {
            let Some(mark) = mark else { continue };
            canvas.rect(class, x(0.0), y - 5.0, x(mark.middle) - x(0.0), 10.0);
            canvas.line("halo", (x(mark.low), y), (x(mark.high), y));
            canvas.line("whisker", (x(mark.low), y), (x(mark.high), y));
            canvas.circle("dot", (x(mark.middle), y), 3.5);
        }
    }
    canvas.finish(names)
}

/// Small columns without a scale: a profile over hours or days, with a label under some.
pub fn profile(names: Names<'_>, cells: &[f64], label: fn(usize) -> Option<&'static str>) -> String {
    const HEIGHT: f64 = 84.0;
    let top = cells.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
    let room = WIDTH / cells.len().max(1) as f64;
    let mut canvas = Canvas::new(HEIGHT);
    canvas.line("base", (0.0, HEIGHT - 20.0), (WIDTH, HEIGHT - 20.0));
    for (at, &cell) in cells.iter().enumerate() {
        let height = if top > 0.0 { (HEIGHT - 24.0) * finite(cell) / top } else { 0.0 };
        let x = room * at as f64;
        canvas.rect("fill", x + 0.1 * room, HEIGHT - 20.0 - height, 0.8 * room, height);
        if let Some(text) = label(at) {
            canvas.text("tick middle", ((x + 0.5 * room).max(10.0), HEIGHT - 5.0), text);
        }
    }
    canvas.finish(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names { id: "x", title: "A <title>", description: "says \"it\"" };
    const AXES: Axes<'_> = Axes { x: "x", y: "y", y_text: |y| format!("{y}") };

    fn column(label: &str, height: f64) -> Column {
        Column { label: label.to_owned(), height, hollow: false, mark: None }
    }

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        for (top, expected) in
            [(1.0, [0.0, 0.25, 1.0]), (87.0, [0.0, 25.0, 100.0]), (4_334.0, [0.0, 2_000.0, 6_000.0])]
        {
            let ticks = ticks(top);
            assert_eq!([ticks[0], ticks[1], *ticks.last().unwrap()], expected, "{top}");
            assert!((3..=6).contains(&ticks.len()));
        }
        assert_eq!(ticks(0.0), [0.0, 1.0]);
        assert_eq!(ticks(f64::NAN), [0.0, 1.0]);
    }

    #[test]
    fn a_chart_has_a_role_a_title_and_a_description() {
        let svg = columns(NAMES, AXES, &[column("1", 1.0)]);
        assert!(svg.contains("role=\"img\" aria-labelledby=\"x-t x-d\""), "{svg}");
        assert!(svg.contains("<title id=\"x-t\">A &lt;title&gt;</title>"), "{svg}");
        assert!(svg.contains("<desc id=\"x-d\">says &quot;it&quot;</desc>"), "{svg}");
    }

    #[test]
    fn twice_the_figure_is_twice_the_height() {
        let svg = columns(NAMES, AXES, &[column("a", 2.0), column("b", 4.0)]);
        let heights: Vec<f64> = svg
            .split("<rect class=\"fill\"")
            .skip(1)
            .map(|rest| rest.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!((heights[1] - 2.0 * heights[0]).abs() < 0.02 && heights[1] > 100.0, "{heights:?}");
    }

    #[test]
    fn labels_that_would_touch_are_thinned() {
        let many: Vec<Column> = (0..24).map(|k| column(&format!("2011-{k:02}"), 1.0)).collect();
        let svg = columns(NAMES, AXES, &many);
        let n = svg.matches("tick middle").count();
        assert!((3..=6).contains(&n), "{n}");
    }

    #[test]
    fn letters_of_bubbles_at_one_place_stand_apart() {
        let bubble = |letter: &str| Bubble { letter: letter.to_owned(), x: 1.0, y: 1.0, share: 0.5 };
        let svg = bubbles(NAMES, &[bubble("A"), bubble("B"), bubble("C")]);
        let mut xs: Vec<&str> = svg.split("class=\"letter\" x=\"").skip(1).collect();
        xs.iter_mut().for_each(|rest| *rest = rest.split('"').next().unwrap());
        xs.sort_unstable();
        xs.dedup();
        assert_eq!(xs.len(), 3, "{svg}");
        assert!(svg.contains("leader"));
    }

    #[test]
    fn figures_that_are_not_finite_leave_no_trace() {
        let svg = columns(NAMES, AXES, &[column("a", f64::NAN), column("b", f64::INFINITY)]);
        let map = bubbles(NAMES, &[Bubble { letter: "A".into(), x: f64::NAN, y: 0.0, share: f64::NAN }]);
        for text in [svg, map] {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
