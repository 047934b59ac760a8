//! Errors at the border of the program: what is printed and which exit code it ends with.

use std::fmt;
use std::io::Write;
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
    let _ = writeln!(std::io::stderr(), "{}: {error:#}", if refused { "refused" } else { "error" });
    if json {
        let _ = writeln!(std::io::stdout(), "{}", as_json(error));
    }
    ExitCode::from(if refused { 1 } else { 2 })
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
    fn any_other_error_is_a_failure() {
        assert_eq!(as_json(&anyhow::anyhow!("no file"))["status"], "failed");
    }
}
