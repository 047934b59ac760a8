//! The `bespoke` program: one job file in, one published run out.
//!
//! Arguments as typed ([`args`]) become a [`session::Session`]; every command returns an [`ui::Answer`], or an error
//! whose exit code [`failure`] decides.

mod args;
mod commands;
mod config;
mod failure;
mod fetch;
mod init;
mod outputs;
mod refresh;
mod runs;
mod session;
mod timing;
mod ui;
mod world_files;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let json = args.global.json;
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error, json),
    }
}

fn run(args: &args::Args) -> anyhow::Result<()> {
    let session = session::Session::start(&args.global)?;
    let answer = commands::run(&args.command, &session).and_then(|answer| session.ui.answer(&answer));
    answer.inspect_err(|error| session.ui.log(&format!("error: {error:#}")))
}
