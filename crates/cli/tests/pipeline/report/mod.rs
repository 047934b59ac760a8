//! The report as its readers see it: in a browser, on a phone and on a desk.

mod browser;

use crate::fixture::Fixture;
use crate::shop::{refresh_args, shop};

/// A phone and a desk.
const WIDTHS: [u32; 2] = [360, 1_280];

#[test]
fn the_report_reads_well_on_a_phone_and_on_a_desk() {
    let Some(chromium) = browser::find() else { return };
    let fixture = shop(500);
    fixture.run(&refresh_args("output.dir=out", &["--as-of", "2025-06-01"])).ok();
    fixture.run(&refresh_args("output.dir=out", &[])).ok();
    for run in ["000001", "000002"] {
        let page = fixture.read(&format!("out/runs/{run}/report.html"));
        assert!(page.len() < 400_000, "{} bytes", page.len());
        let looked = browser::look(&chromium, &fixture.path(""), &page, &WIDTHS);
        assert!(looked.charts >= 20, "{} charts", looked.charts);
        assert!(looked.problems.is_empty(), "run {run}: {:#?}", looked.problems);
        assert!(looked.console.is_empty(), "run {run}: {:#?}", looked.console);
    }
}

/// A page with one of every fault that is looked for.
const BROKEN: &str = "<!doctype html><html><head><title>x</title></head><body style=\"margin:0\">\
    <div style=\"width:2000px\">wide</div><p>\u{378}</p>\
    <div style=\"width:50px;overflow:hidden;white-space:nowrap\">a text that is cut off</div>\
    <svg class=\"chart\" viewBox=\"0 0 100 50\" width=\"100\" height=\"50\"><text x=\"5\" y=\"20\">one</text>\
    <text x=\"8\" y=\"22\">two</text><text x=\"90\" y=\"45\">outside</text>\
    <text x=\"5\" y=\"45\" style=\"font-size:4px\">small</text></svg>\
    <img src=\"http://127.0.0.1:9/x.png\" alt=\"\"><script>console.error('a fault')</script></body></html>";

#[test]
fn a_page_with_faults_is_found_out() {
    let Some(chromium) = browser::find() else { return };
    let fixture = Fixture::empty();
    let looked = browser::look(&chromium, &fixture.path(""), BROKEN, &[360]);
    for kind in ["overflow", "overlap", "clipped", "tiny", "glyph", "request"] {
        assert!(looked.problems.iter().any(|(found, _)| found == kind), "{kind}: {:#?}", looked.problems);
    }
    assert!(looked.console.iter().any(|line| line.contains("a fault")), "{:#?}", looked.console);
}
