//! The command line's definitions, nothing else.
// Help texts are for a terminal: backticks and angle brackets would only be in the way there.
#![allow(clippy::doc_markdown, rustdoc::bare_urls)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Writes the events of a Docker-compatible engine to Wazuh's queue.
///
/// Without a command it listens, as Wazuh's docker-listener module starts it.
#[derive(Debug, Parser)]
#[command(name = "wazuh-docker-listener", version, max_term_width = 100)]
#[command(after_help = "Engine addresses:\n  \
    unix:///var/run/docker.sock                  Docker (default)\n  \
    unix:///run/user/<uid>/docker.sock           rootless Docker\n  \
    unix:///run/podman/podman.sock               Podman's service (systemctl enable --now podman.socket)\n  \
    unix:///run/user/<uid>/podman/podman.sock    rootless Podman\n  \
    tcp://host:port                              with --docker-cert-path over TLS\n\n\
    Exit codes: 0 done, 1 a check failed or the engine or queue could not be used, 2 wrong command line,\n  \
    3 an audit found what it was to fail on, 70 a fault of this program, 78 wrong configuration")]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of all commands
    #[command(flatten)]
    pub options: Options,
}

/// Options of all commands.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Wazuh's home [default: the working directory as modulesd sets it, else /var/ossec]
    #[arg(long, value_name = "DIR", global = true)]
    pub home: Option<PathBuf>,
    /// The engine's address [default: the configuration's, else DOCKER_HOST, else unix:///var/run/docker.sock]
    #[arg(long, value_name = "URL", global = true)]
    pub docker_host: Option<String>,
    /// Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS
    #[arg(long, value_name = "DIR", global = true)]
    pub docker_cert_path: Option<PathBuf>,
    /// Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …
    #[arg(long = "filter", short = 'f', value_name = "KEY=VALUE", global = true)]
    pub filters: Vec<String>,
    /// Where the log goes
    #[arg(long, value_enum, default_value_t = LogTarget::Stderr, global = true)]
    pub log_target: LogTarget,
    /// Log what only helps in looking for a fault
    #[arg(long, global = true)]
    pub debug: bool,
}

/// Where the log goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogTarget {
    /// Standard error, in the form that modulesd reads
    #[default]
    Stderr,
    /// The system's log
    Syslog,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Listen and write to Wazuh's queue (the default)
    Run,
    /// Show how the running listener is
    Status(Status),
    /// Show events, or what would be sent for them, without sending anything
    Events(Events),
    /// Walk through what can be wrong, with a cure for each
    Check(Check),
    /// Judge the images and containers that are there now
    Audit(Audit),
    /// Show the whole way of some recorded events on this machine, with nothing installed
    Demo(Demo),
}

/// Options of `events`.
#[derive(Debug, Args)]
pub struct Events {
    /// From this time on: 10m (ago), 2026-11-20T23:27:00Z, 1795217220.5
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// json, wazuh (exactly what would be sent), flat (Logtail's form), table, or a template such as
    /// '{{.Type}} {{.Actor.Attributes.name}}' [default: as docker events prints]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// Options of `audit`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing of --fail-on was found, 1 the engine or the queue could not be used,\n  \
    3 something of --fail-on was found, 78 wrong configuration"
)]
pub struct Audit {
    /// How to show what was found
    #[arg(long, value_enum, default_value_t = AuditFormat::Table)]
    pub format: AuditFormat,
    /// End with exit code 3 where such is found; several with commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,
    /// Send each finding to Wazuh's queue, too
    #[arg(long)]
    pub send: bool,
}

/// How to show what an audit found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    /// For people at a terminal
    Table,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
    /// One page that needs nothing else, to file
    Html,
}

/// What to fail on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// An image from a registry that is not trusted
    Untrusted,
    /// An image from a registry that nobody has judged
    Unknown,
    /// A container of an image that was not asked for by digest
    Unpinned,
    /// A finding of severity high or critical
    High,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// With --docker-host: end after this many messages
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub messages: u64,
}
