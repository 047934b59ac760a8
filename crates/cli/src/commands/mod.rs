//! One function per command: from arguments and job to an answer.

mod answer_words;
mod data;
mod demo;
mod explain;
mod explain_model;
mod explain_persona;
mod explain_segments;
mod fetch;
mod generate;
mod runs;

use anyhow::Result;

use crate::args::{Command, ConfigCommand, DatasetsCommand, RefreshArgs};
use crate::config::{Override, show};
use crate::init;
use crate::refresh;
use crate::session::Session;
use crate::ui::Answer;

/// Does what was asked.
///
/// # Errors
/// See the command.
pub fn run(command: &Command, session: &Session) -> Result<Answer> {
    match command {
        Command::Demo { dir } => demo::demo(session, dir),
        Command::Init(args) => init::init(session, args),
        Command::Check => data::check(session),
        Command::Refresh(args) => refresh(session, args),
        Command::Features { out } => data::features(session, out),
        Command::Explain { customer, item } => {
            explain::explain(&session.job()?, customer.as_deref(), item.as_deref())
        }
        Command::Runs(command) => runs::run(command, session),
        Command::Config(ConfigCommand::Show) => config_show(session),
        Command::Datasets(DatasetsCommand::Generate(world)) => generate::generate(session, world),
        Command::Datasets(DatasetsCommand::List) => fetch::list(),
        Command::Datasets(DatasetsCommand::Fetch(args)) => fetch::fetch(session, args),
    }
}

fn refresh(session: &Session, args: &RefreshArgs) -> Result<Answer> {
    let as_of = args.as_of.iter().map(|text| Override::text(format!("--as-of {text}"), "job.as_of", text));
    let job = session.job_with(as_of.collect())?;
    Ok(refresh::refresh(session, &job, args)?.answer())
}

fn config_show(session: &Session) -> Result<Answer> {
    let values = show::values(&session.job()?)?;
    let text = show::render(&values)?;
    Ok(Answer { text, json: serde_json::to_value(&values)?, is_summary: false })
}
