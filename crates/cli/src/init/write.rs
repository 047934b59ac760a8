//! The proposal as a commented job file.

use std::fmt::Write as _;

use toml::Value;

use super::proposal::{Choice, Hint, Proposal, Rule, bare_or_quoted, line};

/// A source of the job to come.
pub struct NamedSource {
    pub name: String,
    /// As `path` will hold them.
    pub paths: Vec<String>,
    pub proposal: Proposal,
}

/// The `[job]` to come.
pub struct JobLines {
    pub as_of: Hint,
    pub zone: Hint,
    pub currency: Hint,
}

/// Widest comment line.
const WIDTH: usize = 110;

/// Every choice with its confidence and evidence above it, alternatives below.
pub fn job_file(job: &JobLines, sources: &[NamedSource]) -> String {
    let mut out = String::from(
        "# A job proposed by `bespoke init`. Above each line stands how sure it is (high, medium, low) and why; lines that\n\
         # begin with \"# or:\" could stand instead. `bespoke config show` prints every other key with its default.\n\n\
         [job]\n",
    );
    for (key, hint) in [("as_of", &job.as_of), ("time_zone", &job.zone), ("currency", &job.currency)] {
        comment(&mut out, &format!("{}: {}", hint.confidence.name(), hint.evidence));
        push_line(&mut out, &line(key, &hint.value.as_str().into()));
    }
    comment(&mut out, "of every random choice: the same seed gives the same results");
    push_line(&mut out, "seed = 1");
    for source in sources {
        write_source(&mut out, source);
    }
    out
}

/// Tables below a source, in the order they are written.
const SECTIONS: [&str; 4] = ["time", "columns", "id_style", "customer_attributes"];

fn write_source(out: &mut String, source: &NamedSource) {
    let NamedSource { name, paths, proposal } = source;
    let header = format!("source.{}", bare_or_quoted(name));
    push_line(out, &format!("\n[{header}]"));
    let path = match &paths[..] {
        [one] => Value::from(one.as_str()),
        many => Value::Array(many.iter().map(|path| path.as_str().into()).collect()),
    };
    push_line(out, &line("path", &path));
    proposal
        .choices
        .iter()
        .filter(|choice| choice.section.is_empty())
        .for_each(|choice| write_choice(out, choice));
    for warning in &proposal.warnings {
        comment(out, &format!("note: {warning}"));
    }
    for section in SECTIONS {
        let mut inside = proposal.choices.iter().filter(|choice| choice.section == section).peekable();
        if inside.peek().is_some() {
            push_line(out, &format!("\n[{header}.{section}]"));
        }
        inside.for_each(|choice| write_choice(out, choice));
    }
    for rule in &proposal.rules {
        write_rule(out, &header, rule);
    }
    if !proposal.unused.is_empty() {
        out.push('\n');
        comment(out, "columns without a use:");
        for (column, reason) in &proposal.unused {
            comment(out, &format!("  \"{}\": {reason}", super::words(column)));
        }
    }
}

fn write_choice(out: &mut String, choice: &Choice) {
    comment(out, &format!("{}: {}", choice.confidence.name(), choice.evidence));
    push_line(out, &line(&choice.key, &choice.value));
    for other in &choice.instead {
        push_line(out, &format!("# or: {other}"));
    }
}

fn write_rule(out: &mut String, source: &str, rule: &Rule) {
    out.push('\n');
    comment(out, &format!("{}: {}", rule.confidence.name(), rule.evidence));
    push_line(out, &format!("[[{source}.rule]]"));
    push_line(out, &line("name", &rule.name.into()));
    push_line(out, &line("when", &Value::Table(rule.when.clone())));
    push_line(out, &line("then", &rule.then.into()));
}

fn push_line(out: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{line}");
}

/// Broken at words; control characters cannot leave the comment, as evidence has none.
fn comment(out: &mut String, text: &str) {
    let indent = if text.starts_with("  ") { "    " } else { "" };
    let mut line = String::from("#");
    for word in text.trim_end().split(' ') {
        if line.len() + word.len() >= WIDTH && line.trim_end() != "#" {
            push_line(out, line.trim_end());
            line = format!("# {indent}");
            line.push_str(word);
            continue;
        }
        line.push(' ');
        line.push_str(word);
    }
    push_line(out, line.trim_end());
}

#[cfg(test)]
mod tests {
    use bespoke_io::TableName;
    use toml::Table;

    use super::super::roles::Confidence;
    use super::*;

    fn hint(value: &str) -> Hint {
        Hint { value: value.to_owned(), confidence: Confidence::Low, evidence: "a guess".to_owned() }
    }

    #[test]
    fn nasty_names_stay_inside_their_quotes_and_comments() {
        let mut proposal = Proposal::new(TableName::Events);
        let nasty = "a \"b\"\n[job]\nseed = 7 # é";
        proposal.choose("columns", "item_id", nasty, Confidence::High, super::super::words(nasty));
        proposal.choose(
            "customer_attributes",
            "größe",
            Table::from_iter([("column".into(), nasty.into())]),
            Confidence::Low,
            "x ".repeat(200),
        );
        proposal.unused.push((nasty.to_owned(), "no use".to_owned()));
        let sources =
            [NamedSource { name: "web shop".into(), paths: vec!["a.csv".into(), "b.csv".into()], proposal }];
        let job = JobLines { as_of: hint("latest"), zone: hint("UTC"), currency: hint("EUR") };
        let text = job_file(&job, &sources);
        let table: Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let source = &table["source"]["web shop"];
        assert_eq!(source["columns"]["item_id"].as_str(), Some(nasty));
        assert_eq!(source["customer_attributes"]["größe"]["column"].as_str(), Some(nasty));
        assert_eq!(source["path"].as_array().unwrap().len(), 2);
        assert_eq!(table["job"]["seed"].as_integer(), Some(1));
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH + 10 || !line.starts_with('#')),
            "{text}"
        );
    }
}
