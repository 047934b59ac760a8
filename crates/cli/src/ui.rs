//! What a person or a program sees: progress on standard error, answers on standard output.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::GlobalArgs;

/// Nothing that is over sooner gets a bar.
const BAR_AFTER: Duration = Duration::from_secs(1);

/// What a command answers: text for a person, a value for a program.
#[derive(Debug, Default)]
pub struct Answer {
    /// Printed without `--json`; empty prints nothing.
    pub text: String,
    /// Printed with `--json`.
    pub json: serde_json::Value,
    /// Whether the text only tells how it went, which `--quiet` leaves out.
    pub is_summary: bool,
}

/// Where progress and answers go.
pub struct Ui {
    quiet: bool,
    json: bool,
    bars: bool,
    log: Option<Mutex<File>>,
}

impl Ui {
    /// As the global options say; bars only where standard error is a terminal.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub fn new(global: &GlobalArgs) -> Result<Self> {
        let open = |file| File::options().create(true).append(true).open(file);
        let log = match &global.log {
            Some(file) => Some(Mutex::new(open(file).with_context(|| format!("--log {}", file.display()))?)),
            None => None,
        };
        let bars = !global.quiet && std::io::stderr().is_terminal();
        Ok(Self { quiet: global.quiet, json: global.json, bars, log })
    }

    /// A line of progress.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            // A reader that has gone must not end the job.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        self.log(text);
    }

    /// A line for the log only.
    pub fn log(&self, text: &str) {
        if let Some(log) = &self.log {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // A log that is full or gone must not end the job.
            let _ = writeln!(log, "{} {text}", jiff::Timestamp::now());
        }
    }

    /// Does `work` as a step with a name: a bar when it takes long on a terminal, a line with its seconds at the end.
    pub fn step<T>(&self, name: &str, work: impl FnOnce(&Step<'_>) -> T) -> T {
        let step = Step::start(self, name);
        let result = work(&step);
        step.finish();
        result
    }

    /// Prints the answer on standard output.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn answer(&self, answer: &Answer) -> Result<()> {
        let text = match (self.json, self.quiet && answer.is_summary) {
            (true, _) => serde_json::to_string_pretty(&answer.json)?,
            (false, true) => String::new(),
            (false, false) => answer.text.trim_end().to_owned(),
        };
        if text.is_empty() {
            return Ok(());
        }
        match writeln!(std::io::stdout(), "{text}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.context("standard output"),
        }
    }
}

/// A step that is going on; threads may advance it together.
pub struct Step<'a> {
    ui: &'a Ui,
    name: &'a str,
    started: Instant,
    total: AtomicU64,
    done: AtomicU64,
    bar: OnceLock<ProgressBar>,
}

impl<'a> Step<'a> {
    fn start(ui: &'a Ui, name: &'a str) -> Self {
        let (total, done) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { ui, name, started: Instant::now(), total, done, bar: OnceLock::new() }
    }

    /// There are `n` more bytes to do.
    pub fn expect(&self, n: u64) {
        self.total.fetch_add(n, Ordering::Relaxed);
    }

    /// `n` more bytes are done.
    pub fn advance(&self, n: u64) {
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        if self.ui.bars && self.started.elapsed() >= BAR_AFTER {
            let bar = self.bar.get_or_init(|| progress_bar(self.name));
            bar.set_length(self.total.load(Ordering::Relaxed).max(done));
            bar.set_position(done);
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        self.ui.line(&format!("{:<12} {seconds:7.2} s", self.name));
    }
}

fn progress_bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(name.to_owned());
    match ProgressStyle::with_template(
        "{msg:12} {bar:40.cyan} {percent:>3} %  {decimal_bytes_per_sec}  {eta} left",
    ) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A table with a head; the columns named in `numbers` are set to the right.
pub fn table<R: IntoIterator<Item = String>>(
    head: &[&str],
    numbers: &[usize],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(head);
    for row in rows {
        table.add_row(row);
    }
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_every_line_even_when_quiet() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        let global = GlobalArgs { quiet: true, log: Some(file.clone()), ..GlobalArgs::default() };
        let ui = Ui::new(&global).unwrap();
        ui.line("first");
        assert!(ui.step("second", |step| step.ui.quiet));
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().next().unwrap().ends_with("Z first"), "{text}");
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let global = GlobalArgs { log: Some("no/such/folder/log".into()), ..GlobalArgs::default() };
        assert!(format!("{:#}", Ui::new(&global).err().unwrap()).starts_with("--log no/such/folder/log"));
    }

    #[test]
    fn numbers_are_set_to_the_right() {
        let rows = [["a".to_owned(), "1".to_owned()], ["b".to_owned(), "100".to_owned()]];
        let text = table(&["name", "n"], &[1], rows);
        assert_eq!(text.lines().nth(1).unwrap().trim_end(), " a       1");
    }
}
