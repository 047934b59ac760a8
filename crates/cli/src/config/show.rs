//! `config show`: the job as understood, as a job file with a comment for every key.

use std::fmt::Write;

use anyhow::Result;
use toml::{Table, Value};

use super::JobConfig;
use super::document::resolve_paths;

/// A section and what its keys mean; a section without keys is free in its form.
struct Section {
    name: &'static str,
    about: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

/// Every section and key, in the order they are printed.
const SECTIONS: &[Section] = &[
    Section {
        name: "job",
        about: "What the whole job goes by.",
        keys: &[
            (
                "as_of",
                "the job looks from here: \"latest\" (just after the latest event), a day or an instant",
            ),
            ("seed", "of every random choice; the same seed gives the same results"),
            ("time_zone", "defines days (IANA name); required"),
            ("currency", "of every amount (ISO 4217); required"),
            ("horizon_days", "how far ahead churn looks, unless churn.horizon_days says otherwise"),
            ("max_rejected_share", "above this share of rejected rows nothing is published"),
        ],
    },
    Section { name: "source", about: "Where the data comes from, by name.", keys: &[] },
    Section {
        name: "personas",
        about: "Groups of customers who behave alike.",
        keys: &[
            (
                "k",
                "number of personas, or a range [low, high] to choose from; kept from night to night while allowed",
            ),
            ("runs", "independent starts for each number; the best one counts"),
            (
                "min_size",
                "no persona has fewer customers, unless the number is fixed; unset: 25, fewer in a small shop",
            ),
            (
                "resamples",
                "how often they are looked for again among a part of the customers when their number is chosen; 0: never",
            ),
            ("behaviour_weight", "of what customers did"),
            ("demographics_weight", "of what customers are"),
            ("family_weights", "factors by family of features, for example { browsing = 0.5 }"),
            ("feature_weights", "factors by feature, for example { revenue = 2.0 }"),
            ("sensitive", "features that are only reported: they have no say in who belongs where"),
            (
                "relevance",
                "\"learned\": features that have nothing to do with the others lose their say; \"even\": all the same",
            ),
            (
                "stickiness",
                "from night to night a customer changes persona when another is nearer by this share; 0: always the nearest",
            ),
        ],
    },
    Section {
        name: "segments",
        about: "Segments by rules of your own, beside personas and RFM; NAME = \"RULE\", such as \"cltv > p80 and churn_probability > 0.6\".",
        keys: &[],
    },
    Section {
        name: "recommend",
        about: "Which items each customer is shown (iALS, popularity).",
        keys: &[
            ("factors", "hidden dimensions of taste"),
            ("epochs", "passes over the data"),
            ("alpha0", "how much an item counts that the customer has not touched"),
            ("lambda", "regularisation"),
            ("popularity_half_life_days", "a purchase this many days old counts half"),
            ("backtest_days", "the last so many days are held out to judge by"),
        ],
    },
    Section {
        name: "cltv",
        about: "What a customer will be worth.",
        keys: &[
            ("horizon_days", "spend within so many days is counted"),
            ("annual_discount_rate", "0.1 makes money in a year worth 1 / 1.1 of it today"),
            ("margin", "share of revenue that counts as value"),
        ],
    },
    Section {
        name: "churn",
        about: "Who is leaving.",
        keys: &[
            ("horizon_days", "churned = no purchase within so many days"),
            ("active_within_days", "only customers who bought within so many days can still leave"),
        ],
    },
    Section { name: "decide", about: "What may be shown to whom.", keys: &[] },
    Section {
        name: "output",
        about: "What is written.",
        keys: &[
            ("dir", "folder of the runs"),
            ("keep", "so many runs are kept"),
            ("csv", "tables as CSV too, beside Parquet"),
            (
                "publishing_counts",
                "\"decided\": a published recommendation counts as shown; \"never\": it does not",
            ),
        ],
    },
    Section {
        name: "limits",
        about: "What the job may use.",
        keys: &[("memory", "checked and shown only; a run does not obey it, for example \"400 MiB\"")],
    },
];

/// Every value of the job by section, paths absolute, so that it means the same wherever it is saved.
///
/// # Errors
/// When a value cannot be written as TOML, or there is no current directory.
pub fn values(config: &JobConfig) -> Result<Table> {
    let mut all = Table::try_from(config)?;
    resolve_paths(&mut all, &std::env::current_dir()?);
    Ok(all)
}

/// The job file of [`values`], with a comment for every key.
///
/// # Errors
/// When a value cannot be written.
pub fn render(all: &Table) -> Result<String> {
    let mut out = String::new();
    for section in SECTIONS {
        let table = all.get(section.name).and_then(Value::as_table).cloned().unwrap_or_default();
        writeln!(out, "# {}", section.about)?;
        if section.keys.is_empty() {
            write_free(&mut out, section.name, table)?;
        } else {
            write_section(&mut out, section, &table)?;
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len() + 1);
    Ok(out)
}

fn write_free(out: &mut String, name: &str, table: Table) -> Result<()> {
    if table.is_empty() {
        writeln!(out, "[{name}]")?;
        return Ok(());
    }
    out.push_str(&toml::to_string(&Table::from_iter([(name.to_owned(), Value::Table(table))]))?);
    Ok(())
}

fn write_section(out: &mut String, section: &Section, table: &Table) -> Result<()> {
    writeln!(out, "[{}]", section.name)?;
    for (key, comment) in section.keys {
        match table.get(*key) {
            Some(value) => writeln!(out, "{key} = {value}  # {comment}")?,
            None => writeln!(out, "# {key} is not set  # {comment}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SMALL, read};
    use super::*;

    fn show(config: &JobConfig) -> String {
        render(&values(config).unwrap()).unwrap()
    }

    #[test]
    fn what_is_shown_is_the_same_job() {
        let sets = [
            "personas.k=5",
            "job.as_of=2011-12-10",
            "limits.memory=400 MiB",
            "churn.horizon_days=30",
            "source.\"web shop\".columns={ time = \"a \\\"b\\\"\" }",
            "source.\"web shop\".path=/data/x.csv",
            "decide={ slots = 3, bought = { policy = { days = 30 }, refund = \"keep\" } }",
            "output.dir=/data/out",
            "output.publishing_counts=decided",
            "segments.rich=\"revenue > p90 and persona_name != 'it''s'\"",
        ];
        let config = read(SMALL, &sets).unwrap();
        let again = read(&show(&config), &[]).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn relative_paths_are_shown_absolute() {
        let shown = values(&read(SMALL, &["source.a.path=a.csv"]).unwrap()).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(shown["output"]["dir"].as_str(), here.join("shop/out").to_str());
        assert_eq!(shown["source"]["a"]["path"].as_str(), here.join("a.csv").to_str());
    }

    #[test]
    fn every_key_has_a_comment_and_every_comment_a_key() {
        let config = read(SMALL, &["limits.memory=1 GiB", "personas.min_size=25"]).unwrap();
        let all = Table::try_from(&config).unwrap();
        assert_eq!(all.len(), SECTIONS.len());
        for section in SECTIONS.iter().filter(|section| !section.keys.is_empty()) {
            let mut documented: Vec<&str> = section.keys.iter().map(|(key, _)| *key).collect();
            documented.sort_unstable();
            let mut known: Vec<&str> =
                all[section.name].as_table().unwrap().keys().map(String::as_str).collect();
            known.sort_unstable();
            assert_eq!(documented, known, "{}", section.name);
        }
    }

    #[test]
    fn what_is_not_set_is_said() {
        let shown = show(&read(SMALL, &[]).unwrap());
        assert!(shown.contains("# memory is not set"), "{shown}");
        assert!(shown.contains("seed = 1  # of every random choice"), "{shown}");
    }
}
