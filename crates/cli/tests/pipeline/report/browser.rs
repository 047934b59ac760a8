//! Chromium without a screen: opens a page at several widths, in both colour schemes and as paper, and says what a
//! reader would mind.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A page that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was found in a page.
pub struct Looked {
    /// Charts over all widths.
    pub charts: u64,
    /// Of the highest frame, in CSS pixels.
    pub height: f64,
    /// (kind, what).
    pub problems: Vec<(String, String)>,
    /// Lines of the console: errors, refused requests.
    pub console: Vec<String>,
}

/// The browser: `BESPOKE_CHROMIUM`, else the first on the path. `None` with a visible line when there is none and need
/// not be.
pub fn find() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("BESPOKE_CHROMIUM") {
        return Some(PathBuf::from(file));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let places = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    let found = places.into_iter().find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var_os("BESPOKE_REQUIRE_DATA").is_some();
        assert!(!required, "no Chromium on the path and BESPOKE_CHROMIUM is unset, but it is required");
        let line = "SKIPPED looking at the report: no Chromium on the path, BESPOKE_CHROMIUM is unset\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}

/// What a page is looked at on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Light,
    Dark,
    /// The rules for print in frames of the width of a sheet; the height of the page is told.
    Paper,
}

/// Opens `page` in frames of these widths. A window has a least width, a frame has none.
pub fn look(browser: &Path, dir: &Path, page: &str, widths: &[u32], medium: Medium) -> Looked {
    let mut frames = String::new();
    let source = page.replace('&', "&amp;").replace('"', "&quot;");
    for width in widths {
        let _ = write!(
            frames,
            "<iframe width=\"{width}\" height=\"900\" style=\"border:0\" srcdoc=\"{source}\"></iframe>"
        );
    }
    let wrapper = format!(
        "<!doctype html><html data-medium=\"{medium:?}\" style=\"color-scheme:{scheme}\"><meta charset=\"utf-8\">\
         <title>Looking</title>{frames}<pre id=\"result\"></pre><script>{}\n{}</script></html>",
        include_str!("contrast.js"),
        include_str!("checks.js"),
        scheme = if medium == Medium::Dark { "dark" } else { "light" },
    );
    let file = dir.join("looking.html");
    fs::write(&file, wrapper).unwrap();
    // A frame prefers what its embedder does, and that what the browser does.
    let preferred = u8::from(medium != Medium::Dark);
    let scheme = format!("--blink-settings=preferredColorScheme={preferred}");
    let (dom, log) = run(browser, dir, &file, &["--dump-dom", &scheme]);
    let result = dom.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let result = result.unwrap_or_else(|| panic!("no result in:\n{dom}\n{log}"));
    let result = result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let json: serde_json::Value =
        serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result:?}\n{log}"));
    let text = |problem: &serde_json::Value, key: &str| problem[key].as_str().unwrap().to_owned();
    let problems = json["problems"].as_array().unwrap();
    Looked {
        charts: json["charts"].as_u64().unwrap(),
        height: json["height"].as_f64().unwrap(),
        problems: problems.iter().map(|one| (text(one, "kind"), text(one, "what"))).collect(),
        console: log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect(),
    }
}

/// Prints `page` and counts the sheets.
pub fn print(browser: &Path, dir: &Path, page: &str) -> usize {
    let (file, pdf) = (dir.join("printing.html"), dir.join("printed.pdf"));
    fs::write(&file, page).unwrap();
    let _ = fs::remove_file(&pdf);
    run(browser, dir, &file, &[&format!("--print-to-pdf={}", pdf.display()), "--no-pdf-header-footer"]);
    let bytes = fs::read(&pdf).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let sheets = text.split("/Type /Page").skip(1).filter(|rest| !rest.starts_with('s')).count();
    assert!(sheets > 0, "no sheet in {} bytes", bytes.len());
    sheets
}

/// What the browser writes, and the log.
fn run(browser: &Path, dir: &Path, file: &Path, task: &[&str]) -> (String, String) {
    let mut child = Command::new(browser)
        // Only a page of this test is opened, and as root there is no sandbox.
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--window-size=1400,1000", "--enable-logging=stderr"])
        .args(task)
        .arg(format!("--user-data-dir={}", dir.join("browser").display()))
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", browser.display()));
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = |text: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        let _ = text.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    thread::scope(|scope| {
        let dom = scope.spawn(move || read(&mut stdout));
        let log = scope.spawn(move || read(&mut stderr));
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("{} took longer than {PATIENCE:?}", browser.display());
            }
            thread::sleep(Duration::from_millis(50));
        }
        (dom.join().unwrap(), log.join().unwrap())
    })
}
