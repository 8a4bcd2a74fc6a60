//! The images and containers that are there now, judged as their events are: for people, programs, spreadsheets, a
//! compliance officer's files, and for Wazuh.

mod gather;
mod html;
pub mod report;
mod show;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Exit, settings};
use crate::cli;
use crate::docker::Engine;
use crate::event::provenance::{EngineProof, Provenance};
use crate::event::redact::{Mode, Redactor};
use crate::event::risk::Severity;
use crate::retry;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::wazuh::home::Home;
use crate::wazuh::log::{self, Style, Target};
use crate::wazuh::message;
use crate::wazuh::pace::Pace;
use crate::wazuh::queue::{AtStop, Delivery, Queue};

use report::{Finding, Judges, Report, kind};

/// How long the queue may be away before the findings are given up; the audit can be run again.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// Audits, prints, sends; the exit code says what was found.
#[must_use]
pub fn run(home: &Home, options: &cli::Options, audit: &cli::Audit) -> Exit {
    let Ok(_log) = log::start(Target::Stderr(Style::Terminal), options.debug) else { return Exit::Fault };
    let settings = match settings(home, options) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    let report = match look(home, &settings) {
        Ok(report) => report,
        Err(error) => {
            ::log::error!("{error}");
            return Exit::Failed;
        }
    };
    if let Err(error) = print(&report, audit.format) {
        ::log::error!("the report cannot be written: {error}");
        return Exit::Failed;
    }
    if audit.send
        && let Err(error) = send(home, &settings, &report)
    {
        ::log::error!("{error}");
        return Exit::Failed;
    }
    if audit.fail_on.iter().any(|reason| holds(*reason, &report)) { Exit::Found } else { Exit::Done }
}

fn look(home: &Home, settings: &Settings) -> Result<Report, Box<dyn std::error::Error>> {
    // A hash needs the listener's key; a report is for people, and a mask does.
    let mode = if settings.config.redaction == Mode::Off { Mode::Off } else { Mode::Mask };
    let redactor = Redactor::new(mode, &settings.config.redact_patterns)?;
    // Where no listener has run, nothing is remembered.
    let memory = std::fs::read_to_string(home.own_folder().join("tags")).unwrap_or_default();
    let images = Provenance::read(&memory);
    let (engine, exceptions) = (EngineProof::default(), &*settings.exceptions);
    let judges = Judges { registries: &settings.registries, images: &images, engine, exceptions };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let engine = Engine::new(settings.endpoint.clone());
    Ok(runtime.block_on(gather::gather(&engine, judges, &redactor))?)
}

fn print(report: &Report, format: cli::AuditFormat) -> io::Result<()> {
    let text = match format {
        cli::AuditFormat::Table => show::table(report),
        cli::AuditFormat::Json => show::json(report)?,
        cli::AuditFormat::Csv => show::csv(report)?,
        cli::AuditFormat::Html => html::page(report).map_err(io::Error::other)?,
    };
    match io::stdout().write_all(text.as_bytes()) {
        // Who has seen enough of it does not change what was found.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn holds(reason: cli::FailOn, report: &Report) -> bool {
    match reason {
        cli::FailOn::Untrusted => report.has(&kind::UNTRUSTED_REGISTRY),
        cli::FailOn::Unknown => report.has(&kind::UNKNOWN_REGISTRY) || report.has(&kind::UNKNOWN_ORIGIN),
        cli::FailOn::Unpinned => report.has(&kind::UNPINNED_IMAGE),
        cli::FailOn::High => report.count(Severity::High) + report.count(Severity::Critical) > 0,
    }
}

/// The message for one finding.
#[must_use]
pub fn message_of(finding: &Finding, host: &str, now: Timestamp) -> String {
    let fields = [
        ("severity", finding.severity.name()),
        ("finding", finding.finding),
        ("subject", finding.subject.name()),
        ("name", &finding.name),
        ("id", &finding.id),
        ("what", finding.what),
        ("detail", &finding.detail),
        ("cis", finding.cis),
        ("attack", finding.attack),
        ("cure", finding.cure),
    ];
    message::audit(&fields, host, now)
}

/// The message for the whole.
#[must_use]
pub fn message_of_all(report: &Report, now: Timestamp) -> String {
    let counts = [report.findings.len(), report.containers.len(), report.images.len()].map(|count| count.to_string());
    let severities = Severity::ALL.map(|severity| (severity.name(), report.count(severity).to_string()));
    let mut fields: Vec<(&str, &str)> =
        ["findings", "containers", "images"].into_iter().zip(counts.iter().map(String::as_str)).collect();
    fields.extend(severities.iter().map(|(name, count)| (*name, count.as_str())));
    message::audit(&fields, &report.host, now)
}

/// Why not all findings reached the queue.
#[derive(Debug, thiserror::Error)]
enum SendError {
    /// It is away or full for too long.
    #[error("{sent} of {all} findings were sent, then Wazuh's queue took no more for {}s; is the agent running?", SEND_WITHIN.as_secs())]
    Queue {
        /// So many got there.
        sent: usize,
        /// So many there were, with the summary.
        all: usize,
    },
    /// The system is out of something.
    #[error("cannot send: {0}; the system is out of file descriptors")]
    System(#[from] nix::Error),
}

fn send(home: &Home, settings: &Settings, report: &Report) -> Result<(), SendError> {
    let now = Timestamp::now();
    let messages: Vec<String> = report
        .findings
        .iter()
        .map(|finding| message_of(finding, &report.host, now))
        .chain(std::iter::once(message_of_all(report, now)))
        .collect();
    let config = &settings.config;
    let mut pace = Pace::new(config.max_events_per_second, config.burst, Instant::now());
    for (sent, message) in messages.iter().enumerate() {
        while let Err(wait) = pace.take(Instant::now()) {
            std::thread::sleep(wait);
        }
        // Each message has its own time; what the listener sends beside it takes its share of the queue.
        let stop = Stop::new()?;
        stop.order(SEND_WITHIN);
        let mut queue = Queue::new(home.queue(), config.wait_time, retry::random_seed(), &stop, AtStop::TryOn);
        if queue.deliver(message.as_bytes(), || {}) != Delivery::Taken {
            return Err(SendError::Queue { sent, all: messages.len() });
        }
    }
    ::log::info!("{} findings and a summary were sent to {}", report.findings.len(), home.queue().display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::availability::Identity;
    use crate::docker::inspect::Image;
    use crate::event::registry::Registries;
    use crate::inquiry::Answers;

    /// One with names as an attacker would choose them.
    pub(super) fn report() -> Report {
        let registries = Registries::new(&["registry.example.com".to_owned()], &[]).unwrap();
        let (images, exceptions) = (Provenance::default(), crate::event::exceptions::Exceptions::default());
        let engine = EngineProof::default();
        let judges = Judges { registries: &registries, images: &images, engine, exceptions: &exceptions };
        let engine = Identity { name: "docker".into(), version: "20.10.24".into(), api: "1.41".into() };
        let mut report = Report::new(&engine, "unix:///var/run/docker.sock".to_owned(), Timestamp::UNIX_EPOCH);
        for (name, options) in [
            ("/<script>document.title='owned'</script>", r#""Privileged":true"#),
            ("/=cmd|'/c calc'!A0", r#""PidMode":"host""#),
        ] {
            let json =
                format!(r#"{{"Name":"{name}","Config":{{"Image":"evil.example/app:1"}},"HostConfig":{{{options}}}}}"#);
            let container = serde_json::from_str(&json).unwrap();
            report.add_container("c1", &Answers { container: Some(container), ..Answers::default() }, true, judges);
        }
        let digest = format!("registry.example.com/app@sha256:{}", "5".repeat(64));
        let image = Image {
            id: "sha256:1".into(),
            repo_tags: vec!["registry.example.com/app:1".into(), "evil.example/app:1".into()],
            repo_digests: vec![digest],
            ..Image::default()
        };
        report.add_image(&image, &[], judges);
        report.sort();
        report
    }

    #[test]
    fn a_reason_to_fail_holds_where_there_is_such_a_finding() {
        let empty = Report::new(&Identity::default(), String::new(), Timestamp::UNIX_EPOCH);
        for (reason, found) in [
            (cli::FailOn::Untrusted, true),
            (cli::FailOn::Unknown, false),
            (cli::FailOn::Unpinned, true),
            (cli::FailOn::High, true),
        ] {
            assert_eq!((holds(reason, &report()), holds(reason, &empty)), (found, false), "{reason:?}");
        }
    }

    #[test]
    fn a_finding_is_an_event_of_its_own() {
        let report = report();
        let message = message_of(&report.findings[0], &report.host, Timestamp::UNIX_EPOCH);
        assert!(message.starts_with(
            "1:Wazuh-Docker:{\"integration\": \"docker\", \"docker_listener\": {\"audit\": {\"severity\": \"critical\", \
             \"finding\": \"privileged\", \"subject\": \"container\""
        ));
        let all = message_of_all(&report, Timestamp::UNIX_EPOCH);
        assert!(all.contains("\"containers\": \"2\", \"images\": \"2\", \"critical\": \"1\""), "{all}");
    }
}
