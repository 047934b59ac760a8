//! What serde says of a wrong key, in the words of the job file.

use bespoke::rules::nearest;

/// What is wrong with which key.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path.
    pub key: String,
    /// A sentence that names it.
    pub message: String,
}

/// Finds the full key in a deserialisation error, and the nearest known key when it is unknown.
pub fn explain(error: &toml::de::Error) -> Problem {
    let parent = parent_of(error);
    let message = error.message();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (field, expected) = rest.split_once('`').unwrap_or((rest, ""));
        return unknown(&parent, field, &quoted(expected));
    }
    if let Some(field) = message.strip_prefix("missing field `") {
        let key = dotted(&parent, field.trim_end_matches('`'));
        return Problem { message: format!("missing key \"{key}\""), key };
    }
    Problem { message: format!("\"{parent}\": {message}"), key: parent }
}

/// The path of tables around the error. The error keeps it private and shows it as a last line.
fn parent_of(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let last = text.trim_end().lines().last().unwrap_or_default();
    last.strip_prefix("in `").and_then(|path| path.strip_suffix('`')).unwrap_or_default().to_owned()
}

fn unknown(parent: &str, field: &str, known: &[&str]) -> Problem {
    let key = dotted(parent, field);
    let hint = match nearest(field, known) {
        Some(best) => format!("; did you mean \"{}\"?", dotted(parent, best)),
        None if known.is_empty() => String::new(),
        None => format!("; known here: {}", known.join(", ")),
    };
    Problem { message: format!("unknown key \"{key}\"{hint}"), key }
}

fn dotted(parent: &str, field: &str) -> String {
    if parent.is_empty() { field.to_owned() } else { format!("{parent}.{field}") }
}

/// Every word between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Outer {
        inner: Inner,
        list: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Inner {
        only: u32,
    }

    fn problem(text: &str) -> Problem {
        let value: toml::Value = toml::Value::Table(toml::from_str(text).unwrap());
        explain(&Outer::deserialize(value).unwrap_err())
    }

    #[test]
    fn one_expected_key_is_understood_as_well_as_many() {
        assert_eq!(
            problem("inner.onyl = 1").message,
            "unknown key \"inner.onyl\"; did you mean \"inner.only\"?"
        );
        assert_eq!(problem("iner.only = 1").message, "unknown key \"iner\"; did you mean \"inner\"?");
    }

    #[test]
    fn missing_and_mistyped_keys_have_their_path() {
        assert_eq!(problem("[inner]").message, "missing key \"inner.only\"");
        assert!(problem("inner.only = \"x\"").message.starts_with("\"inner.only\": invalid type: string"));
        assert!(problem("[inner]\nonly = 1\n[[list]]\nonyl = 1").message.contains("\"list.onyl\""));
    }
}
