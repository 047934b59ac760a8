//! Pieces of a page that every section uses: figures with their tables, lists of bars, everything escaped.

use std::fmt::Write as _;

/// Text as HTML, for elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Text from data inside a sentence: escaped, and its direction of writing kept to itself.
pub fn isolated(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

/// A number for an attribute, at most two decimals; a figure that is not finite draws nothing.
pub fn number(x: f64) -> String {
    if !x.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Characters of a row's head that leave its cells no room on a phone.
const LONG_HEAD: usize = 8;

/// A table of texts; the first column heads its rows, the others are figures unless `words` says otherwise.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Columns after the first that hold words.
    pub words: Vec<usize>,
}

impl Table {
    pub fn new(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { head: head.iter().map(|&cell| cell.to_owned()).collect(), rows, words: Vec::new() }
    }

    /// The same with columns of words.
    pub fn with_words(mut self, columns: &[usize]) -> Self {
        self.words = columns.to_vec();
        self
    }

    /// Whether a narrow place puts the head of a row above its cells: three or four cells after a long head.
    fn stacks(&self) -> bool {
        let long = |row: &Vec<String>| row.first().is_some_and(|head| head.chars().count() > LONG_HEAD);
        (4..=5).contains(&self.head.len()) && self.rows.iter().any(long)
    }

    /// The table in a box that scrolls sideways by itself, also by keyboard.
    pub fn html(&self, label: &str) -> String {
        let class = |column: usize| {
            if column == 0 || self.words.contains(&column) { "" } else { " class=\"n\"" }
        };
        let stack = self.stacks();
        // Where cells are laid out anew a table is one by its roles only.
        let role = |name: &str| if stack { format!(" role=\"{name}\"") } else { String::new() };
        let [row_role, cell_role] = ["row", "cell"].map(role);
        let columns =
            if stack { format!(" class=\"stack s{}\"", self.head.len() - 1) } else { String::new() };
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table{columns}{}><thead{group}>\
             <tr{row_role}>",
            escape(label),
            role("table"),
            group = role("rowgroup"),
        );
        for (column, cell) in self.head.iter().enumerate() {
            let _ = write!(
                out,
                "<th scope=\"col\"{}{}>{}</th>",
                role("columnheader"),
                class(column),
                escape(cell)
            );
        }
        let _ = write!(out, "</tr></thead><tbody{}>", role("rowgroup"));
        for row in &self.rows {
            let _ = write!(out, "<tr{row_role}>");
            for (column, cell) in row.iter().enumerate() {
                let cell = isolated(cell);
                let _ = match column {
                    0 => write!(out, "<th scope=\"row\"{}>{cell}</th>", role("rowheader")),
                    _ => write!(out, "<td{cell_role}{}>{cell}</td>", class(column)),
                };
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
        out
    }
}

/// What a legend explains, by shape as well as by colour.
#[derive(Clone, Copy)]
pub enum Mark {
    Column,
    Hollow,
    Tick,
    Line,
    Dashed,
}

/// One entry of a legend.
pub struct Legend(pub Mark, pub &'static str);

/// A chart with its heading, legend and, behind a fold, its figures.
pub struct Figure<'a> {
    pub title: &'a str,
    /// A sentence about how to read it.
    pub note: &'a str,
    pub svg: String,
    pub legend: &'a [Legend],
    pub table: Table,
}

impl Figure<'_> {
    pub fn html(&self) -> String {
        let mut legend = String::new();
        for Legend(mark, words) in self.legend {
            let _ = write!(legend, "<span>{}{}</span>", swatch(*mark), escape(words));
        }
        let legend = if legend.is_empty() { legend } else { format!("<p class=\"legend\">{legend}</p>") };
        format!(
            "<figure class=\"panel\"><figcaption><strong>{title}</strong><span class=\"soft\">{note}</span>\
             </figcaption>{legend}{svg}<details><summary aria-label=\"As a table: {title}\">As a table</summary>{table}</details>\
             </figure>",
            title = escape(self.title),
            note = escape(self.note),
            svg = self.svg,
            table = self.table.html(self.title),
        )
    }
}

fn swatch(mark: Mark) -> String {
    let shape = match mark {
        Mark::Column => "<rect class=\"fill\" x=\"3\" y=\"1\" width=\"12\" height=\"12\"/>",
        Mark::Hollow => "<rect class=\"hollow\" x=\"3\" y=\"1\" width=\"12\" height=\"12\"/>",
        Mark::Tick => {
            "<line class=\"whisker\" x1=\"9\" y1=\"1\" x2=\"9\" y2=\"13\"/><circle class=\"dot\" cx=\"9\" cy=\"7\" \
             r=\"3.5\"/>"
        }
        Mark::Line => "<line class=\"curve\" x1=\"0\" y1=\"7\" x2=\"18\" y2=\"7\"/>",
        Mark::Dashed => "<line class=\"dashed\" x1=\"0\" y1=\"7\" x2=\"18\" y2=\"7\"/>",
    };
    format!("<svg class=\"swatch\" viewBox=\"0 0 18 14\" aria-hidden=\"true\">{shape}</svg>")
}

/// One line of a list of bars.
pub struct Bar {
    pub label: String,
    pub text: String,
    /// Length of the bar, 0..=1.
    pub share: f64,
}

/// Bars with their labels and figures as text: a list that needs no other table.
pub fn bars(list: &[Bar]) -> String {
    let mut out = String::from("<ul class=\"bars\">");
    for bar in list {
        let _ = write!(
            out,
            "<li><span>{}</span><span class=\"n\">{}</span>{}</li>",
            isolated(&bar.label),
            escape(&bar.text),
            track(bar.share)
        );
    }
    out.push_str("</ul>");
    out
}

/// One bar on its track.
pub fn track(share: f64) -> String {
    let width = number(100.0 * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 });
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"track\" width=\"100\" height=\"6\"/><rect class=\"fill\" width=\"{width}\" height=\"6\"/></svg>"
    )
}

/// A bar to the right or left of the middle; `share` in -1..=1.
pub fn diverging(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(-1.0, 1.0) } else { 0.0 };
    let (x, class) = if share < 0.0 { (50.0 + 50.0 * share, "below") } else { (50.0, "fill") };
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"track\" width=\"100\" height=\"6\"/><rect class=\"{class}\" x=\"{}\" width=\"{}\" height=\"6\"/>\
         <rect class=\"middle\" x=\"49.7\" width=\"0.6\" height=\"6\"/></svg>",
        number(x),
        number(50.0 * share.abs())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
        let table = Table::new(&["<b>"], vec![vec!["<i>".to_owned(), "\"".to_owned()]]);
        let html = table.html("'label'");
        assert!(!html.contains("<b>") && !html.contains("<i>") && html.contains("&#39;label&#39;"), "{html}");
    }

    #[test]
    fn only_long_heads_stand_above_their_cells() {
        let table = |head: &str| Table::new(&["a", "b", "c", "d"], vec![vec![head.to_owned(); 4]]).html("x");
        let stacked = table("a rather long head");
        assert!(stacked.contains("<table class=\"stack s3\" role=\"table\">"), "{stacked}");
        for (role, n) in [("row", 2), ("columnheader", 4), ("rowheader", 1), ("cell", 3)] {
            assert_eq!(stacked.matches(&format!(" role=\"{role}\"")).count(), n, "{role}");
        }
        assert!(table("short").contains("<table><thead><tr><th scope=\"col\">"));
    }

    #[test]
    fn numbers_are_short_and_finite() {
        assert_eq!([1.0, 0.125, -0.001, 12.5].map(number), ["1", "0.12", "0", "12.5"]);
        assert_eq!([f64::NAN, f64::INFINITY].map(number), ["0", "0"]);
        assert!(track(f64::NAN).contains("width=\"0\"") && track(7.0).contains("width=\"100\""));
    }

    #[test]
    fn a_bar_grows_from_the_middle() {
        assert!(diverging(0.5).contains("class=\"fill\" x=\"50\" width=\"25\""));
        assert!(diverging(-1.0).contains("class=\"below\" x=\"0\" width=\"50\""));
    }
}
