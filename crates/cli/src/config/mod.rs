//! The job as resolved: the file, then `--set`, then defaults, then the rules.
//!
//! The order matters: paths are resolved where they were written, defaults are filled in once, and whatever is
//! wrong is said with the full key, where it was written, and the nearest key that exists.

mod document;
mod hint;
pub mod sections;
pub mod segments;
pub mod show;
pub mod values;

use std::path::Path;

use anyhow::{Context, Result, anyhow};

pub use document::{Override, parse_overrides};
pub use sections::{JobConfig, PublishingCounts};
pub use values::PersonaCount;

/// The code of ISO 4217 for "no currency": of a job whose amounts are in units nobody has named.
pub const NO_CURRENCY: &str = "XXX";

use document::Document;

/// Reads a job file, applies `overrides` in order, fills in defaults and checks every rule of the job itself.
///
/// The rules of each model's parameters live with the model, and are checked before any data is read.
///
/// # Errors
/// Names the file or the override, the dotted key, the value and the rule.
pub fn load(file: &Path, overrides: &[Override]) -> Result<JobConfig> {
    let text = std::fs::read_to_string(file).map_err(|error| cannot_read(file, &error))?;
    from_text(&text, file, overrides)
}

/// Reads the text of a job file that is not written yet.
///
/// # Errors
/// See [`load`].
pub fn parse(text: &str, file: &Path) -> Result<JobConfig> {
    from_text(text, file, &[])
}

fn cannot_read(file: &Path, error: &std::io::Error) -> anyhow::Error {
    let file = file.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            anyhow!(
                "{file}: no such job file; name one with --config, let `bespoke init FILES` propose one, or try `bespoke demo`"
            )
        }
        _ => anyhow!("{file}: cannot be read: {error}"),
    }
}

fn from_text(text: &str, file: &Path, overrides: &[Override]) -> Result<JobConfig> {
    let document = Document::parse(text, file, overrides)?;
    let config: JobConfig = document.typed()?;
    config.check().with_context(|| file.display().to_string())?;
    segments::rules(&config).map_err(|problem| document.refusal(&problem.key, &problem.message))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::values::{AsOf, PersonaCount};
    use super::*;

    pub(super) const SMALL: &str = "[job]\ntime_zone = \"Europe/London\"\ncurrency = \"GBP\"\n";

    pub(super) fn read(text: &str, sets: &[&str]) -> Result<JobConfig> {
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        from_text(text, Path::new("shop/bespoke.toml"), &parse_overrides(&sets)?)
    }

    fn refusal(text: &str, sets: &[&str]) -> String {
        format!("{:#}", read(text, sets).unwrap_err())
    }

    #[test]
    fn the_smallest_job_gets_every_default() {
        let config = read(SMALL, &[]).unwrap();
        assert_eq!(config.job.as_of, AsOf::Latest);
        assert_eq!(config.job.horizon_days, 90);
        assert_eq!(config.personas.k, PersonaCount::Range(2, 10));
        assert_eq!(config.output.dir, Path::new("shop/out"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_path_file_and_nearest_key() {
        let text = format!("{SMALL}[personas]\nmin_sise = 3\n");
        let expected =
            "shop/bespoke.toml: unknown key \"personas.min_sise\"; did you mean \"personas.min_size\"?";
        assert_eq!(refusal(&text, &[]), expected);
    }

    #[test]
    fn an_unknown_section_gets_a_hint_too() {
        let expected = "shop/bespoke.toml: unknown key \"persona\"; did you mean \"personas\"?";
        assert_eq!(refusal(&format!("{SMALL}[persona]\nk = 3\n"), &[]), expected);
    }

    #[test]
    fn a_key_like_no_other_gets_the_list() {
        let text = refusal(&format!("{SMALL}[output]\ncolour = 3\n"), &[]);
        assert!(text.contains("\"output.colour\"; known here: dir, keep, csv, publishing_counts"), "{text}");
    }

    #[test]
    fn an_override_is_blamed_for_its_own_key() {
        let expected = "--set job.sead=4: unknown key \"job.sead\"; did you mean \"job.seed\"?";
        assert_eq!(refusal(SMALL, &["job.sead=4"]), expected);
    }

    #[test]
    fn a_missing_key_is_named() {
        let expected = "shop/bespoke.toml: missing key \"job.time_zone\"";
        assert_eq!(refusal("[job]\ncurrency = \"EUR\"\n", &[]), expected);
        assert_eq!(refusal("", &["job.currency=EUR"]), expected);
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let text = refusal(SMALL, &["job.seed=\"four\""]);
        assert!(text.starts_with("--set job.seed=\"four\": \"job.seed\": invalid type: string"), "{text}");
    }

    #[test]
    fn every_rule_of_the_job_refuses() {
        for (set, rule) in [
            ("job.time_zone=Europe/Londn", "job.time_zone is Europe/Londn, but it must be a time zone"),
            ("job.currency=pounds", "job.currency is pounds, but it must be an ISO 4217 code"),
            ("job.horizon_days=0", "job.horizon_days is 0, but it must be at least 1"),
            ("job.max_rejected_share=1.5", "job.max_rejected_share is 1.5, but it must be within 0..=1"),
            ("job.max_rejected_share=nan", "job.max_rejected_share is NaN, but it must be within 0..=1"),
            ("output.keep=0", "output.keep is 0, but it must be at least 1"),
        ] {
            let text = refusal(SMALL, &[set]);
            assert!(text.contains(rule), "{set}: {text}");
        }
    }

    #[test]
    fn syntax_errors_show_the_line() {
        let text = refusal("[job\n", &[]);
        assert!(text.contains("shop/bespoke.toml") && text.contains("line 1"), "{text}");
    }

    #[test]
    fn the_horizon_of_churn_follows_the_job() {
        assert_eq!(read(SMALL, &[]).unwrap().churn.horizon_days, 90);
        assert_eq!(read(SMALL, &["job.horizon_days=30"]).unwrap().churn.horizon_days, 30);
        let both = ["job.horizon_days=30", "churn.horizon_days=60"];
        assert_eq!(read(SMALL, &both).unwrap().churn.horizon_days, 60);
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let text = format!("{:#}", load(Path::new("no/such.toml"), &[]).unwrap_err());
        assert!(text.contains("no/such.toml: no such job file; name one with --config"), "{text}");
    }

    #[test]
    fn the_retail_preset_is_a_part_of_a_job() {
        let preset = include_str!("../../../../models/retail/model.toml");
        let config = read(&format!("{SMALL}{preset}"), &[]).unwrap();
        assert_eq!((config.decide.slots, config.recommend.factors), (5, 64));
    }
}
