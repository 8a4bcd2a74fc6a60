//! One file a command, and the exit codes of all.

pub mod audit;
pub mod check;
pub mod demo;
pub mod events;
pub mod run;
pub mod status;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, LogTarget, Options};
use crate::settings::{Environment, Settings};
use crate::wazuh::home::{Home, Start};
use crate::wazuh::log::{Style, Target};

/// How the program ends. Never with 127, which tells modulesd that there is no such program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A check failed, or the engine or the queue could not be used.
    Failed = 1,
    /// An audit found what it was told to fail on.
    Found = 3,
    /// A fault of this program (`EX_SOFTWARE`).
    Fault = 70,
    /// The configuration is wrong (`EX_CONFIG`).
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Parses the command line and does what it says.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout with 0, an error to stderr with 2; a closed pipe is no fault of ours.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let home = Home::find(cli.options.home.as_deref(), &Start::of_this_process());
    crate::inquiry::set_home(home.root());
    match cli.command {
        None | Some(Command::Run) => run::run(&home, &cli.options),
        Some(Command::Status(status)) => status::run(&home, &status),
        Some(Command::Events(events)) => events::run(&home, &cli.options, &events),
        Some(Command::Check(check)) => check::run(&home, &cli.options, &check),
        Some(Command::Audit(audit)) => audit::run(&home, &cli.options, &audit),
        Some(Command::Demo(demo)) => demo::run(&cli.options, &demo),
    }
    .into()
}

/// Where the log goes, as the command line wants it and this Wazuh reads it.
fn log_target(home: &Home, options: &Options) -> Target {
    match options.log_target {
        LogTarget::Syslog => Target::Syslog,
        LogTarget::Stderr => Target::Stderr(Style::fitting(home.major_version())),
    }
}

/// The settings, or the exit code after the error was told.
fn settings(home: &Home, options: &Options) -> Result<Settings, Exit> {
    Settings::load(home, options, &Environment::of_this_process()).map_err(|error| {
        log::error!("{error}");
        Exit::Configuration
    })
}
