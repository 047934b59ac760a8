//! Commands around the data: `check`, `features`.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::outputs::{count, rows_table};
use crate::refresh::{self, inspect};
use crate::session::Session;
use crate::ui::Answer;

/// Reads everything; refuses what a refresh would refuse for its rows.
pub fn check(session: &Session) -> Result<Answer> {
    let job = session.job()?;
    let found = inspect::check(session, &job)?;
    let memory = format!("a refresh needs about {} MB", found.memory_bytes.div_ceil(1_000_000));
    let examples = found.rejected.iter().take(10).map(ToString::to_string);
    let lines = examples.chain(found.notes.iter().cloned()).chain([memory]);
    let text = [rows_table(&found.rows), lines.collect::<Vec<_>>().join("\n")].join("\n\n");
    let json = json!({
        "status": "checked",
        "rows": found.rows,
        "rejected": found.rejected,
        "memory_bytes": found.memory_bytes,
        "notes": found.notes,
    });
    let share = job.job.max_rejected_share;
    refuse(session, &text, refresh::refuse_many_rejected(&found.rows, &found.rejected, share))?;
    refuse(session, &text, refresh::refuse_nothing(&found.rows, found.n_events, found.n_customers))?;
    Ok(Answer { text, json, is_summary: false })
}

/// A refusal is easier to act on with the table beside it.
fn refuse<E>(session: &Session, text: &str, verdict: Result<(), E>) -> Result<(), E> {
    verdict.inspect_err(|_| session.ui.line(text))
}

/// Writes the feature table.
pub fn features(session: &Session, out: &Path) -> Result<Answer> {
    let job = session.job()?;
    let written = inspect::features(session, &job, out)?;
    let (customers, features) = (written.customers, written.features);
    let text = format!("{}: {} customers, {features} features", out.display(), count(customers as u64));
    let json = json!({ "status": "written", "file": out, "customers": customers, "features": features });
    Ok(Answer { text, json, is_summary: true })
}
