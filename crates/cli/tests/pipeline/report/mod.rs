//! The report as its readers see it: in a browser, on a phone and on a desk, by day, at night and on paper.

mod browser;

use std::path::Path;

use crate::fixture::Fixture;
use crate::shop::{refresh_args, shop};
use browser::{Looked, Medium};

/// A phone and a desk.
const WIDTHS: [u32; 2] = [360, 1_280];
/// A4 between its margins, in CSS pixels.
const SHEET: (u32, f64) = (703, 1_009.0);

/// The page in every medium is without a fault; the last look is at paper.
fn without_fault(chromium: &Path, fixture: &Fixture, page: &str) -> Looked {
    for medium in [Medium::Light, Medium::Dark] {
        checked(browser::look(chromium, &fixture.path(""), page, &WIDTHS, medium), medium);
    }
    checked(browser::look(chromium, &fixture.path(""), page, &[SHEET.0], Medium::Paper), Medium::Paper)
}

fn checked(looked: Looked, medium: Medium) -> Looked {
    assert!(looked.problems.is_empty(), "{medium:?}: {:#?}", looked.problems);
    assert!(looked.console.is_empty(), "{medium:?}: {:#?}", looked.console);
    looked
}

#[test]
fn the_report_reads_well_on_a_phone_on_a_desk_at_night_and_on_paper() {
    let Some(chromium) = browser::find() else { return };
    let fixture = shop(500);
    fixture.run(&refresh_args("output.dir=out", &["--as-of", "2025-06-01"])).ok();
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    for run in ["000001", "000002"] {
        let page = fixture.read(&format!("out/runs/{run}/report.html"));
        assert!(page.len() < 400_000, "{} bytes", page.len());
        let paper = without_fault(&chromium, &fixture, &page);
        assert!(paper.charts >= 10, "{} charts", paper.charts);
        // What moves to the next sheet leaves white behind, but not a third of the paper.
        let sheets = browser::print(&chromium, &fixture.path(""), &page);
        let most = 1.5 * paper.height / SHEET.1 + 1.0;
        assert!((sheets as f64) < most, "{sheets} sheets for {} px", paper.height);
    }
}

/// The report of the job that `bespoke init` proposes for one file.
fn report_of(fixture: &Fixture, name: &str, rows: &str) -> String {
    fixture.write(name, rows);
    let job = format!("{name}.toml");
    let out = format!("output.dir=out_{name}");
    fixture.run(&["init", name, "--out", &job]).ok();
    fixture.run(&["refresh", "--config", &job, "--quiet", "--set", &out]).ok();
    fixture.read(&format!("out_{name}/runs/000001/report.html")).replace('\u{a0}', " ")
}

/// Customers alone, in two kinds.
fn customers() -> String {
    let row = |n: u32| {
        let (plan, charge) = if n.is_multiple_of(3) { ("basic", 20) } else { ("large", 80) };
        let gender = if n.is_multiple_of(5) { "f" } else { "m" };
        format!("C{n},{},{gender},{plan},{}\n", 20 + n % 50, charge + n % 7)
    };
    ["customer_id,age,gender,plan,monthly_charge\n".to_owned()].into_iter().chain((0..400).map(row)).collect()
}

/// Orders without a price.
fn unpriced() -> String {
    let row =
        |n: u32| format!("C{},I{},2025-{:02}-{:02}T10:00:00Z\n", n % 60, n * 7 % 20, 1 + n / 90, 1 + n % 28);
    ["customer_id,item_id,time\n".to_owned()].into_iter().chain((0..800).map(row)).collect()
}

const ONE_ORDER: &str =
    "customer_id,item_id,time,quantity,price,order_id\nC1,I1,2025-03-01T10:00:00Z,1,9.99,O1\n";

#[test]
fn reports_of_little_say_only_what_they_know() {
    let Some(chromium) = browser::find() else { return };
    let fixture = Fixture::empty();
    let customers = report_of(&fixture, "customers.csv", &customers());
    assert!(customers.contains("Add what customers did"), "no advice");
    assert!(customers.contains("churn and recommendations are not available: there are no events"));
    for absent in ["Revenue so far", "of all revenue", "XXX", "<dt>AUC", "No rule calls", "cltv is"] {
        assert!(!customers.contains(absent), "customers alone: {absent}");
    }
    for part in
        ["Sensitive features, only reported", "gender: f", "How every feature is read", "sensitive: only"]
    {
        assert!(customers.contains(part), "customers alone: {part}");
    }
    let unpriced = report_of(&fixture, "orders.csv", &unpriced());
    for absent in ["Revenue by month", "Revenue so far", "XXX", ": ials", "cltv: "] {
        assert!(!unpriced.contains(absent), "without prices: {absent}");
    }
    let one = report_of(&fixture, "one.csv", ONE_ORDER);
    assert!(one.contains("for 1 customer<"), "one order");
    for absent in
        ["1 customers", "1 orders", "1 rows", "1 personas", "Where they come from", "o'clock: 100.0"]
    {
        assert!(!one.contains(absent), "one order: {absent}");
    }
    for page in [customers, unpriced, one] {
        without_fault(&chromium, &fixture, &page);
    }
}

#[test]
fn a_second_run_on_the_same_data_says_so_in_one_sentence() {
    let fixture = shop(300);
    for _ in 0..2 {
        fixture.run(&refresh_args("output.dir=out", &[])).ok();
    }
    let page = fixture.read("out/runs/000002/report.html");
    assert!(page.contains("Nothing changed: "), "no sentence");
    assert!(!page.contains("no change") && !page.contains("0 customers joined"), "a table of nothing");
}

/// A page with one of every fault that is looked for.
const BROKEN: &str = "<!doctype html><html><head><title>x</title></head><body style=\"margin:0\">\
    <div style=\"width:2000px\">wide</div><p>\u{378}</p><p style=\"color:#999;background:#fff\">pale</p>\
    <div class=\"panel\"><h3>Heading alone</h3></div><figure><svg class=\"chart\" style=\"width:0;height:0\"></svg></figure>\
    <div style=\"width:50px;overflow:hidden;white-space:nowrap\">a text that is cut off</div>\
    <svg class=\"chart\" viewBox=\"0 0 100 50\" width=\"100\" height=\"50\"><text x=\"5\" y=\"20\">one</text>\
    <text x=\"8\" y=\"22\">two</text><text x=\"90\" y=\"45\">outside</text>\
    <text x=\"5\" y=\"45\" style=\"font-size:4px\">small</text></svg>\
    <img src=\"http://127.0.0.1:9/x.png\" alt=\"\"><script>console.error('a fault')</script></body></html>";

#[test]
fn a_page_with_faults_is_found_out() {
    let Some(chromium) = browser::find() else { return };
    let fixture = Fixture::empty();
    let looked = browser::look(&chromium, &fixture.path(""), BROKEN, &[360], Medium::Paper);
    for kind in ["overflow", "overlap", "clipped", "tiny", "glyph", "request", "contrast", "empty", "break"] {
        assert!(looked.problems.iter().any(|(found, _)| found == kind), "{kind}: {:#?}", looked.problems);
    }
    assert!(looked.console.iter().any(|line| line.contains("a fault")), "{:#?}", looked.console);
}
