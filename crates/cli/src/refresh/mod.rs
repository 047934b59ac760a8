//! The main job: the frame around the stages, from the lock to the published run.
//!
//! [`stages`] makes a run in a folder nobody sees; here it is judged, completed and published, or refused and removed.

mod changes;
mod churn;
mod gate;
mod habits;
mod input;
pub mod inspect;
mod models;
mod nights;
mod persona_map;
mod personas;
mod quality;
mod recommend;
mod record;
mod results;
pub mod runner_up;
mod segments;
mod slates;
pub mod stages;
mod tables;
mod tracking;
mod value;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::args::RefreshArgs;
use crate::config::JobConfig;
use crate::outputs::{self, PersonaFile, RejectedRow, RunRecord, files};
use crate::runs::{NewRun, OutputDir, Published};
use crate::session::Session;
use crate::timing::{Stages, Timings};
use crate::ui::Answer;

pub use gate::{refuse_many_rejected, refuse_nothing};

/// What the stages work with.
pub struct Task<'a> {
    pub session: &'a Session,
    pub job: &'a JobConfig,
    /// The folder to write `customers.parquet` and the others to.
    pub run: &'a NewRun<'a>,
    /// The published run before this one, for warm starts and `changes.parquet`.
    pub previous: Option<PathBuf>,
    /// Customers' own state so far.
    pub profiles: Option<Vec<u8>>,
    /// Every withheld candidate is written, not only counts.
    pub explain_all: bool,
    /// Personas and their number are found anew; ids and names are still carried on.
    pub choose_personas: bool,
}

/// What the stages hand back, beside the files they wrote themselves.
pub struct Made {
    pub record: RunRecord,
    pub personas: PersonaFile,
    /// Rejected rows, as examples for the report.
    pub rejected: Vec<RejectedRow>,
    /// Customers' own state after this run.
    pub profiles: Vec<u8>,
}

/// A run that is the current one.
pub struct Refreshed {
    published: Published,
    pub dir: PathBuf,
    pub record: RunRecord,
    personas: PersonaFile,
    timings: Timings,
}

/// Does the whole job and publishes it.
///
/// # Errors
/// [`crate::failure::Refused`] when the data forbid publishing; anything else when it could not run.
/// Nothing is published then.
pub fn refresh(session: &Session, job: &JobConfig, args: &RefreshArgs) -> Result<Refreshed> {
    let timing = Stages::start(session.pool.current_num_threads());
    let locked = OutputDir::at(&job.output.dir).lock()?;
    let previous = locked.out().current()?.map(|number| locked.out().run_dir(number));
    let profiles = locked.out().profiles()?;
    let run = locked.begin()?;
    let task = Task {
        session,
        job,
        run: &run,
        previous,
        profiles,
        explain_all: args.explain_all,
        choose_personas: args.choose_personas,
    };
    let made = stages::refresh(&task, &timing)?;
    publish(session, job, run, made, &timing)
}

fn publish(
    session: &Session,
    job: &JobConfig,
    mut run: NewRun<'_>,
    made: Made,
    timing: &Stages,
) -> Result<Refreshed> {
    refuse_many_rejected(&made.record.rows, &made.rejected, job.job.max_rejected_share)?;
    write_readable(&run, files::RUN, &made.record)?;
    write_readable(&run, files::PERSONAS, &made.personas)?;
    let report = || outputs::render_report(&made.record, &made.personas, &made.rejected);
    run.write(files::REPORT, timing.note("report", report)?.as_bytes())?;
    let timings = timing.timings();
    run.write_json(files::TIMINGS, &timings)?;
    run.write_profiles(made.profiles);
    let published = run.commit(usize::try_from(job.output.keep)?)?;
    if let Some(error) = &published.not_pruned {
        session.ui.line(&format!("warning: old runs could not be removed: {error:#}"));
    }
    let dir = OutputDir::at(&job.output.dir).run_dir(published.number);
    Ok(Refreshed { published, dir, record: made.record, personas: made.personas, timings })
}

/// JSON has no word for a figure that is not finite; such a run is refused here rather than by its readers.
fn write_readable<T>(run: &NewRun<'_>, name: &str, content: &T) -> Result<()>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let read_back = serde_json::from_value::<T>(serde_json::to_value(content)?).ok();
    let same = read_back.as_ref() == Some(content);
    ensure!(same, "{name} would hold a figure that is not finite: a bug; nothing was published");
    run.write_json(name, content)
}

impl Refreshed {
    /// The summary for people and for programs.
    pub fn answer(&self) -> Answer {
        let report = self.dir.join(files::REPORT);
        let text = format!(
            "{}\n\npublished run {} in {:.1} s: {}\nreport: {}",
            outputs::run_summary(&self.record, &self.personas),
            self.published.number,
            self.timings.seconds,
            self.dir.display(),
            report.display(),
        );
        let pruned: Vec<u32> = self.published.pruned.iter().map(|number| number.0).collect();
        let json = json!({
            "status": "published",
            "run": self.published.number.0,
            "dir": self.dir,
            "report": report,
            "pruned": pruned,
            "record": self.record,
            "timings": self.timings,
        });
        Answer { text, json, is_summary: true }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::args::GlobalArgs;
    use crate::config;
    use crate::failure::Refused;
    use crate::outputs::samples;

    fn session() -> Session {
        Session::start(&GlobalArgs { quiet: true, threads: Some(1), ..GlobalArgs::default() }).unwrap()
    }

    fn job(dir: &Path) -> JobConfig {
        let file = dir.join("bespoke.toml");
        std::fs::write(&file, "[job]\ntime_zone = \"UTC\"\ncurrency = \"GBP\"\n").unwrap();
        config::load(&file, &[]).unwrap()
    }

    fn made() -> Made {
        Made {
            record: samples::run_record(),
            personas: samples::persona_file(),
            rejected: samples::rejected_rows(),
            profiles: b"state".to_vec(),
        }
    }

    fn publish_in(dir: &Path, made: Made) -> Result<Refreshed> {
        let job = job(dir);
        let locked = OutputDir::at(&job.output.dir).lock()?;
        publish(&session(), &job, locked.begin()?, made, &Stages::start(1))
    }

    #[test]
    fn a_published_run_has_its_files_and_its_summary() {
        let dir = tempfile::tempdir().unwrap();
        let refreshed = publish_in(dir.path(), made()).unwrap();
        for name in [files::RUN, files::PERSONAS, files::TIMINGS, files::REPORT] {
            assert!(refreshed.dir.join(name).is_file(), "{name}");
        }
        let answer = refreshed.answer();
        assert!(answer.text.contains("published run 000001"), "{}", answer.text);
        assert_eq!(answer.json["run"], 1);
        let out = OutputDir::at(dir.path().join("out"));
        assert_eq!(out.profiles().unwrap().unwrap(), b"state");
    }

    #[test]
    fn the_same_run_writes_the_same_record() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let bytes = dirs.each_ref().map(|dir| {
            let refreshed = publish_in(dir.path(), made()).unwrap();
            [files::RUN, files::PERSONAS, files::REPORT]
                .map(|name| std::fs::read(refreshed.dir.join(name)).unwrap())
        });
        assert_eq!(bytes[0], bytes[1]);
    }

    #[test]
    fn a_figure_that_is_not_finite_publishes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut made = made();
        made.personas.personas[0].mean_churn = Some(f64::NAN);
        let text = format!("{:#}", publish_in(dir.path(), made).err().unwrap());
        assert!(text.starts_with("personas.json would hold a figure that is not finite"), "{text}");
        assert_eq!(OutputDir::at(dir.path().join("out")).current().unwrap(), None);
    }

    fn refusal(made: Made) -> String {
        let dir = tempfile::tempdir().unwrap();
        let error = publish_in(dir.path(), made).err().unwrap();
        assert!(error.is::<Refused>(), "{error:#}");
        let out = OutputDir::at(dir.path().join("out"));
        assert_eq!((out.current().unwrap(), out.list().unwrap().len()), (None, 0));
        assert_eq!(out.profiles().unwrap(), None);
        assert_eq!(std::fs::read_dir(dir.path().join("out/runs")).unwrap().count(), 0);
        format!("{error:#}")
    }

    #[test]
    fn too_many_rejected_rows_publish_nothing() {
        let mut made = made();
        made.record.rows[0].rejected.insert("bad_timestamp".into(), 100_000);
        let text = refusal(made);
        assert!(text.contains("18.5 %") && text.contains("bad_timestamp 100,000"), "{text}");
    }
}
