//! Results on their way into the files of a run.

use anyhow::Result;
use bespoke::bundle::Profiles;
use bespoke::decide::CustomerState;
use bespoke::engine::World;
use bespoke::features::{orders_and_revenue_between, tz_version};
use bespoke::personas::{Assignment, PersonaModel};
use bespoke::rules::Rule;
use bespoke::types::Timestamp;
use bespoke_io::write_rejected;

use super::habits::{self, Counted};
use super::input::{self, Input};
use super::models::Fitted;
use super::runner_up::{self, RunnerUp};
use super::slates::{self, Slate};
use super::tables::{self, Activity, Scores};
use super::{Made, Task, changes, personas, record, segments};
use crate::config::{self, PublishingCounts};
use crate::outputs::PersonaFile;
use crate::outputs::figures::{Changes, Month};
use crate::outputs::segment_figures::SegmentFigures;

/// What a run has to say, on its way into files.
pub struct Results<'a> {
    pub task: &'a Task<'a>,
    /// The policy as TOML.
    pub policy: &'a str,
    /// Segments of the job by name.
    pub rules: &'a [(String, Rule)],
    pub input: &'a Input,
    pub fitted: &'a Fitted,
    pub world: &'a World,
}

/// What the files about people leave for the record.
pub struct Known {
    pub activity: Vec<Activity>,
    pub personas: PersonaFile,
    pub months: Vec<Month>,
    /// Absent at the first run.
    pub changes: Option<Changes>,
    pub segments: SegmentFigures,
    pub warnings: Vec<String>,
}

impl Results<'_> {
    /// Writes what does not depend on slates.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write_known(&self) -> Result<Known> {
        let Self { task, policy, input, fitted, world, .. } = *self;
        let (dir, csv) = (task.run.dir(), task.job.output.csv);
        let activity = activity(input);
        let runner_up = match fitted.models.personas() {
            Some(model) => runner_up::of(model, &fitted.table, &fitted.assigned)?,
            None => RunnerUp::default(),
        };
        let scores = Scores {
            input,
            models: &fitted.models,
            assigned: &fitted.assigned,
            runner_up: &runner_up,
            leaving: fitted.leaving.as_ref(),
            values: &fitted.value.rows,
            activity: &activity,
        };
        let mut warnings = fitted.warnings.clone();
        let segments = self.write_customers(&scores, &mut warnings)?;
        let (columns, changes) = changed(task, &scores, &mut warnings);
        tables::write(dir, "changes", csv, &columns)?;
        write_rejected(&dir.join("rejected.csv"), &input.rejected)?;
        task.run.write("model.bespoke", &fitted.models.to_bytes()?)?;
        task.run.write("catalogue.bespoke", &world.catalogue().to_bytes())?;
        task.run.write("policy.toml", policy.as_bytes())?;
        let counted = habits::count(input, n_personas(fitted), &places(fitted));
        let personas = persona_file(input, fitted, &activity, &counted);
        Ok(Known { activity, personas, months: counted.months(input), changes, segments, warnings })
    }

    /// Writes what is said of every customer, with the segments they are in, and the figures of these.
    fn write_customers(&self, scores: &Scores<'_>, warnings: &mut Vec<String>) -> Result<SegmentFigures> {
        let Self { task, rules, fitted, .. } = *self;
        let (dir, csv) = (task.run.dir(), task.job.output.csv);
        let rfm = segments::rfm_of(scores.activity);
        let mut columns = tables::customers(scores);
        columns.extend(segments::rfm_columns(&rfm));
        let found = segments::apply(rules, &columns, &fitted.table);
        columns.extend(segments::columns(&found));
        tables::write(dir, "customers", csv, &columns)?;
        let cells = segments::cells(rules, tables::ids(scores.input), &fitted.table);
        if !cells.is_empty() {
            tables::write(dir, "segment_cells", csv, &cells)?;
        }
        warnings.extend(segments::warnings(&found));
        Ok(segments::figures(&rfm, &found, scores, &config::segments::fields(task.job)))
    }

    /// Writes what was decided and puts the record together.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write_decided(
        &self,
        slates: &[Slate],
        states: Vec<CustomerState>,
        older: Profiles,
        known: Known,
    ) -> Result<Made> {
        let Self { task, input, fitted, world, .. } = *self;
        let publishing_counts = task.job.output.publishing_counts == PublishingCounts::Decided;
        let profiles = || slates::profiles(input, states, slates, publishing_counts, older).to_bytes();
        let record = || record::of(task, input, fitted, world, slates, &known, tz_version());
        let (written, (profiles, record)) =
            rayon::join(|| self.write_slates(slates), || rayon::join(profiles, record));
        written?;
        let rejected = input::examples(&input.rejected);
        Ok(Made { record: record?, personas: known.personas, rejected, profiles: profiles? })
    }

    fn write_slates(&self, slates: &[Slate]) -> Result<()> {
        let Self { task, input, world, .. } = *self;
        let (dir, csv) = (task.run.dir(), task.job.output.csv);
        let (shown, withheld) = rayon::join(
            || tables::write(dir, "recommendations", csv, &tables::recommendations(input, slates)),
            || tables::write(dir, "withheld", csv, &tables::withheld(input, slates)),
        );
        shown.and(withheld)?;
        if task.explain_all {
            tables::write(dir, "withheld_items", csv, &tables::every_withheld(input, world, slates))?;
        }
        Ok(())
    }
}

/// Orders, revenue and silence of the scored customers.
fn activity(input: &Input) -> Vec<Activity> {
    let start = Timestamp(i64::MIN / 2);
    let outcomes = orders_and_revenue_between(&input.tables, start, input.as_of, &input.calendar);
    let around = bespoke::features::purchases_around(&input.tables, input.as_of, input.as_of);
    let days = |last: Timestamp| (input.as_of.0 - last.0) as f64 / Timestamp::DAY_MS as f64;
    let of = |&customer: &usize| Activity {
        orders: outcomes.orders[customer],
        revenue: outcomes.revenue[customer],
        days_since_last_order: around[customer].0.map(days),
    };
    input.scored.iter().map(of).collect()
}

fn changed<'a>(
    task: &Task<'_>,
    scores: &Scores<'a>,
    warnings: &mut Vec<String>,
) -> (Vec<bespoke_io::OutColumn<'a>>, Option<Changes>) {
    let before = task.previous.as_ref().map(|run| changes::standings(run)).transpose();
    let before = before.unwrap_or_else(|error| {
        warnings.push(format!("changes against the run before are not known: {error:#}"));
        None
    });
    let input = scores.input;
    let values: Vec<Option<f64>> =
        input.scored.iter().map(|&c| scores.values[c].and_then(|row| row.cltv)).collect();
    let bands = changes::value_bands(&values);
    let name = |row: usize| {
        let assigned = scores.assigned.get(row)?;
        Some(scores.models.personas()?.profile(assigned.persona)?.name.clone())
    };
    let standing = |(row, &customer): (usize, &usize)| {
        let standing = changes::Standing {
            persona: name(row),
            churn_decile: scores.leaving.map(|leaving| u32::from(leaving.deciles[row])),
            value_band: bands[row],
        };
        (input.tables.customers.ids.get(customer), standing)
    };
    let after: Vec<(&str, changes::Standing)> = input.scored.iter().enumerate().map(standing).collect();
    let headline = || task.previous.as_ref().and_then(|run| changes::headline(run));
    let summary = before.as_ref().map(|before| changes::summary(before, &after, headline()));
    (changes::columns(&before.unwrap_or_default(), after.into_iter()), summary)
}

fn n_personas(fitted: &Fitted) -> usize {
    fitted.models.personas().map_or(0, PersonaModel::n_personas)
}

/// The place of each scored customer's persona in the order of the profiles.
fn places(fitted: &Fitted) -> Vec<Option<usize>> {
    let profiles = fitted.models.personas().map_or(&[][..], PersonaModel::profiles);
    let place = |assigned: &Assignment| profiles.iter().position(|p| p.id == assigned.persona);
    fitted.assigned.iter().map(place).collect()
}

fn persona_file(input: &Input, fitted: &Fitted, activity: &[Activity], counted: &Counted) -> PersonaFile {
    let Some(model) = fitted.models.personas() else { return PersonaFile::default() };
    let members = personas::Members {
        assigned: &fitted.assigned,
        churn: fitted.leaving.as_ref().map(|leaving| leaving.scores.iter().map(|s| s.p_churn).collect()),
        cltv: input.scored.iter().map(|&c| fitted.value.rows[c].and_then(|row| row.cltv)).collect(),
        revenue: activity.iter().map(|a| a.revenue).collect(),
        habits: counted,
        nights: fitted.nights.as_ref(),
    };
    personas::file(model, input, &fitted.table, &members)
}
