//! Errors at the border of the program: what is printed and which exit code it ends with.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde_json::json;

/// The job ran, but what it found forbids publishing; exit code 1. Every other error is exit code 2.
#[derive(Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Prints the error and its causes, and gives the exit code.
pub fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let refused = is_refusal(error);
    // The exit code still tells, should nobody read.
    let label = if refused { "refused" } else { "error" };
    let _ = writeln!(std::io::stderr(), "{}: {error:#}", coloured(label, colours_wanted()));
    if json {
        let _ = writeln!(std::io::stdout(), "{}", as_json(error));
    }
    ExitCode::from(if refused { 1 } else { 2 })
}

/// Colours are for people: on a terminal, and not where `NO_COLOR` says otherwise (no-color.org).
fn colours_wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !refused
}

fn coloured(label: &str, colours: bool) -> String {
    if colours { format!("\x1b[1;31m{label}\x1b[0m") } else { label.to_owned() }
}

fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(<dyn std::error::Error>::is::<Refused>)
}

fn as_json(error: &anyhow::Error) -> serde_json::Value {
    json!({
        "status": if is_refusal(error) { "refused" } else { "failed" },
        "error": format!("{error:#}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_refusal_is_found_under_its_context() {
        let error = Err::<(), _>(Refused("2 % of rows rejected".into())).context("refresh").unwrap_err();
        assert_eq!(as_json(&error), json!({ "status": "refused", "error": "refresh: 2 % of rows rejected" }));
    }

    #[test]
    fn colours_are_around_the_label_only_where_wanted() {
        assert_eq!(coloured("error", false), "error");
        assert_eq!(coloured("error", true), "\x1b[1;31merror\x1b[0m");
    }

    #[test]
    fn any_other_error_is_a_failure() {
        assert_eq!(as_json(&anyhow::anyhow!("no file"))["status"], "failed");
    }
}
