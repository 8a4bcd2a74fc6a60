//! Walks through what can be wrong, and says how to mend it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use serde_json::json;

use super::Exit;
use crate::cli;
use crate::docker::Engine;
use crate::docker::availability::Identity;
use crate::docker::endpoint::Endpoint;
use crate::settings::{Environment, Settings};
use crate::wazuh::home::{Home, WODLE};
use crate::wazuh::ossec_conf::{self, Block};
use crate::wazuh::{queue, state};

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    what: &'static str,
    ok: bool,
    /// What was seen; where it is not well, with the cure.
    said: String,
}

impl Finding {
    fn new(what: &'static str, result: Result<String, String>) -> Self {
        let ok = result.is_ok();
        Self { what, ok, said: result.unwrap_or_else(|error| error) }
    }
}

/// Checks everything and prints the findings.
#[must_use]
pub fn run(home: &Home, options: &cli::Options, check: &cli::Check) -> Exit {
    let mut findings = vec![Finding::new("home", layout(home))];
    let settings = Settings::load(home, options, &Environment::of_this_process());
    let endpoint = settings.as_ref().ok().map(|settings| settings.endpoint.clone());
    findings.push(Finding::new("configuration", configuration(home, settings)));
    findings.push(Finding::new("start", start(home)));
    findings.push(Finding::new("queue", writable_queue(home)));
    if let Some(endpoint) = endpoint {
        findings.extend(engine(&endpoint));
    }
    let all_well = findings.iter().all(|finding| finding.ok);
    let report = if check.json { as_json(&findings, all_well) } else { as_text(&findings) };
    // A reader that has gone away does not change what was found.
    let _ = std::io::stdout().write_all(report.as_bytes());
    if all_well { Exit::Done } else { Exit::Failed }
}

fn layout(home: &Home) -> Result<String, String> {
    let root = home.root().display();
    if !home.root().is_dir() {
        return Err(format!("{root} is not there; install the Wazuh agent, or give its place with --home"));
    }
    let missing: Vec<&str> =
        ["etc", "queue/sockets"].into_iter().filter(|part| !home.root().join(part).is_dir()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "{root} has no {}; is that Wazuh's home? Give another with --home",
            missing.join(" and no ")
        ));
    }
    let version = home.major_version().map_or("of unknown version".to_owned(), |major| format!("{major}.x"));
    let wodle = home.root().join(WODLE);
    let ours = fs::read("/proc/self/exe").ok();
    let place = match fs::read(&wodle).ok() {
        None => "no DockerListener yet",
        Some(program) if ours.is_some_and(|ours| ours == program) => "DockerListener is this program",
        Some(_) => "DockerListener is another program",
    };
    Ok(format!("{root}, Wazuh {version}, {place}"))
}

/// Whether somebody starts the listener: modulesd, or who started the one that runs.
fn start(home: &Home) -> Result<String, String> {
    const ADD: &str =
        "add <wodle name=\"docker-listener\"><run_on_start>yes</run_on_start><disabled>no</disabled></wodle>";
    let path = home.ossec_conf();
    let shared = home.root().join("etc/shared/agent.conf");
    let text = fs::read_to_string(&path).map_err(|error| format!("{} cannot be read ({error})", path.display()))?;
    let mut block = ossec_conf::block(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    // What the manager distributes counts too; where there is none, the host's own is all.
    if let (Block::Absent, Ok(Ok(of_manager))) =
        (block, fs::read_to_string(&shared).map(|text| ossec_conf::block(&text)))
    {
        block = of_manager;
    }
    let runs = || state::read(&home.state()).is_ok_and(|(_, age)| age < state::STALE_AFTER);
    match block {
        Block::Enabled { at_once: true } => Ok("modulesd starts the listener".to_owned()),
        Block::Enabled { at_once: false } => {
            Ok("modulesd starts the listener after its interval; run_on_start starts it at once".to_owned())
        }
        _ if runs() => Ok("modulesd does not start the listener, and one runs".to_owned()),
        Block::Disabled => {
            Err(format!("the docker-listener block in {} is disabled; set <disabled>no</disabled>", path.display()))
        }
        Block::Absent => {
            Err(format!("{} has no docker-listener block, so modulesd starts nothing; {ADD}", path.display()))
        }
    }
}

fn configuration(home: &Home, settings: Result<Settings, crate::settings::SettingsError>) -> Result<String, String> {
    const WRITABLE_BY_OTHERS: u32 = 0o002;
    let settings = settings.map_err(|error| error.to_string())?;
    let path = home.config();
    let Ok(file) = fs::metadata(&path) else {
        return Ok(format!("no {}, so the defaults hold", path.display()));
    };
    if file.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(format!("{} can be written by everyone; chmod 0640 and chown root:wazuh", path.display()));
    }
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let expired: Vec<String> = settings
        .exceptions
        .iter()
        .filter(|exception| exception.until < today)
        .map(crate::event::exceptions::Exception::describe)
        .collect();
    if !expired.is_empty() {
        return Err(format!(
            "{}: exceptions have expired; renew or remove them: {}",
            path.display(),
            expired.join("; ")
        ));
    }
    let enabled = if settings.config.enabled { "" } else { " (enabled: false, so it will only wait)" };
    Ok(format!("{} is good{enabled}", path.display()))
}

fn writable_queue(home: &Home) -> Result<String, String> {
    let path = home.queue();
    let owner = fs::metadata(&path).map(|file| {
        let user = nix::unistd::User::from_uid(file.uid().into()).ok().flatten().map(|user| user.name);
        format!("{} mode {:o}", user.unwrap_or_else(|| file.uid().to_string()), file.mode() & 0o7777)
    });
    queue::connect(&path).map_err(|error| error.to_string())?;
    Ok(format!("{} takes messages (owner {})", path.display(), owner.unwrap_or_default()))
}

fn engine(endpoint: &Endpoint) -> Vec<Finding> {
    const WHAT: [&str; 3] = ["engine", "engine version", "engine events"];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return vec![Finding::new(WHAT[0], Err(error.to_string()))],
    };
    runtime.block_on(async {
        let engine = Engine::new(endpoint.clone());
        let mut findings = Vec::new();
        match engine.ping().await {
            Ok(()) => findings.push(Finding::new(WHAT[0], Ok(format!("{endpoint} answers")))),
            // Without a ping the rest would say the same again.
            Err(error) => return vec![Finding::new(WHAT[0], Err(error.to_string()))],
        }
        let identity = engine.identity().await.map_err(|error| error.to_string());
        findings.push(Finding::new(WHAT[1], identity.and_then(|identity| supported(&identity))));
        let events = engine.events(&crate::docker::events::Query::live()).await;
        findings
            .push(Finding::new(WHAT[2], events.map(|_| "may be read".to_owned()).map_err(|error| error.to_string())));
        findings
    })
}

/// 1.24 is the oldest API whose events have a type, an action and an actor.
fn supported(identity: &Identity) -> Result<String, String> {
    const OLDEST: (u32, u32) = (1, 24);
    let mut parts = identity.api.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < OLDEST => {
            Err(format!("{identity} is too old; update the engine to API 1.24 (Docker 1.12) or newer"))
        }
        _ => Ok(identity.to_string()),
    }
}

fn as_text(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|Finding { what, ok, said }| format!("{} {what}: {said}", if *ok { "✔" } else { "✘" }))
        .collect();
    lines.join("\n") + "\n"
}

fn as_json(findings: &[Finding], all_well: bool) -> String {
    let findings: Vec<_> =
        findings.iter().map(|Finding { what, ok, said }| json!({"check": what, "ok": ok, "message": said})).collect();
    format!("{}\n", json!({"ok": all_well, "checks": findings}))
}
