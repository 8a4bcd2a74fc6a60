//! `etc/docker-listener.json`: what it may hold, and an answer for each thing it may not.
//!
//! ```json
//! {"docker-listener": {"wait_time": 5, "filters": {"exclude": ["event=exec_create"]}}}
//! ```
//!
//! Own options cannot live in `ossec.conf`: Wazuh refuses its whole configuration at the first tag it does not know.
//! A file that is wrong anywhere is refused as a whole, with the key, its value, what is allowed, and the nearest known
//! key; a listener that guessed would be one that silently watches the wrong thing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::event::exceptions::{ExceptionError, Exceptions, MAX_EXCEPTIONS};
use crate::event::filter::{Filter, FilterError};
use crate::event::redact::{MOST_PATTERNS, Mode};
use crate::event::registry::LocalImages;

/// The largest file that is read, in bytes; far beyond any real one, and nothing to run out of memory on.
const LARGEST_FILE: u64 = 1 << 20;

/// The object's key in the file.
pub const SECTION: &str = "docker-listener";

/// The keys of the section with the value each has where it is not given.
pub const KEYS: [(&str, &str); 23] = [
    ("enabled", "true"),
    ("wait_time", "5"),
    ("max_event_size", "65536"),
    ("debug", "false"),
    ("docker_host", "the environment's DOCKER_HOST, else unix:///var/run/docker.sock"),
    ("docker_cert_path", "the environment's DOCKER_CERT_PATH where DOCKER_TLS_VERIFY is set"),
    ("filters", "everything"),
    ("max_events_per_second", "400"),
    ("burst", "2000"),
    ("event_queue_size", "100000"),
    ("backlog_memory", "32"),
    ("backlog_disk", "256"),
    ("heartbeat", "15"),
    ("inspect", "true"),
    ("inspect_timeout", "500"),
    ("trusted_registries", "none, so that nothing is known to be trusted"),
    ("untrusted_registries", "none"),
    ("local_images", "report"),
    ("require_pinned", "false"),
    ("exceptions", "none"),
    ("baseline", "on, and learning does not end"),
    ("redaction", "mask"),
    ("redact_patterns", "none"),
];

/// Seconds: what `wait_time` may be. The upper end is the cap of the growing waits.
pub const WAIT_TIME: std::ops::RangeInclusive<u64> = 1..=60;

/// Bytes: what `max_event_size` may be.
pub const MAX_EVENT_SIZE: std::ops::RangeInclusive<u64> = 1024..=65536;

/// Messages a second: what `max_events_per_second` may be; 0 is no limit.
pub const MAX_EVENTS_PER_SECOND: std::ops::RangeInclusive<u64> = 0..=1_000_000;

/// Messages: what `burst` may be.
pub const BURST: std::ops::RangeInclusive<u64> = 1..=1_000_000;

/// Events: what `event_queue_size` may be.
pub const EVENT_QUEUE_SIZE: std::ops::RangeInclusive<u64> = 100..=10_000_000;

/// MiB: what `backlog_memory` may be. A line of the engine may be 1 MiB long.
pub const BACKLOG_MEMORY: std::ops::RangeInclusive<u64> = 4..=4096;

/// MiB: what `backlog_disk` may be; 0 is none.
pub const BACKLOG_DISK: std::ops::RangeInclusive<u64> = 0..=65_536;

/// Minutes: what `heartbeat` may be; 0 is none.
pub const HEARTBEAT: std::ops::RangeInclusive<u64> = 0..=1440;

/// Milliseconds: what `inspect_timeout` may be.
pub const INSPECT_TIMEOUT: std::ops::RangeInclusive<u64> = 10..=5000;

/// Days: what `baseline.learn` may be; 0 is no end.
pub const LEARN: std::ops::RangeInclusive<u64> = 0..=3650;

/// The most registries in a list.
pub const MOST_REGISTRIES: usize = 1000;

/// What the configuration file says, with defaults where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct Config {
    /// Whether to listen at all; where false the process waits for SIGHUP.
    pub enabled: bool,
    /// The first wait after a failure; later ones grow from it.
    pub wait_time: Duration,
    /// The largest message wanted, in bytes; Wazuh's own limit applies besides.
    pub max_event_size: usize,
    /// Whether to log what only helps in looking for a fault.
    pub debug: bool,
    /// The engine's address.
    pub docker_host: Option<String>,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`; makes a `tcp://` address a TLS one.
    pub docker_cert_path: Option<PathBuf>,
    /// Only events that match are passed on.
    pub include: Filter,
    /// Events that match are not passed on; an empty one excludes nothing.
    pub exclude: Filter,
    /// How fast messages go to the queue in the long run, in messages a second; 0 is as fast as it takes them.
    pub max_events_per_second: u32,
    /// How many may go at once after a quiet time.
    pub burst: u32,
    /// How many events may wait in memory.
    pub event_queue_size: usize,
    /// How many bytes may wait in memory.
    pub backlog_memory: usize,
    /// How many bytes may wait on disk; rounded down to a power of two.
    pub backlog_disk: u64,
    /// How often the listener says how it is; none where it never does.
    pub heartbeat: Option<Duration>,
    /// Whether the engine may be asked what its events do not tell.
    pub inspect: bool,
    /// How long its answer may take; the events behind wait as long.
    pub inspect_timeout: Duration,
    /// Whose images are trusted, as [`crate::event::registry`] reads it.
    pub trusted_registries: Vec<String>,
    /// Whose images never are.
    pub untrusted_registries: Vec<String>,
    /// What containers of images that were made or brought here without a registry are worth.
    pub local_images: LocalImages,
    /// Whether images that are asked for by anything but a digest are to be told.
    pub require_pinned: bool,
    /// What is accepted of which images.
    pub exceptions: Exceptions,
    /// Whether it is learnt what is normal.
    pub baseline: bool,
    /// After how many days learning ends; 0 is never.
    pub learn_days: u32,
    /// How secrets are replaced.
    pub redaction: Mode,
    /// What is secret beside what is known to be.
    pub redact_patterns: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            wait_time: Duration::from_secs(5),
            max_event_size: 65536,
            debug: false,
            docker_host: None,
            docker_cert_path: None,
            include: Filter::default(),
            exclude: Filter::default(),
            max_events_per_second: 400,
            burst: 2000,
            event_queue_size: 100_000,
            backlog_memory: 32 << 20,
            backlog_disk: 256 << 20,
            heartbeat: Some(Duration::from_secs(15 * 60)),
            inspect: true,
            inspect_timeout: Duration::from_millis(500),
            trusted_registries: Vec::new(),
            untrusted_registries: Vec::new(),
            local_images: LocalImages::default(),
            require_pinned: false,
            exceptions: Exceptions::default(),
            baseline: true,
            learn_days: 0,
            redaction: Mode::default(),
            redact_patterns: Vec::new(),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("{}: cannot be read: {source}; it must be a file that this user may read (root:wazuh, mode 0640)", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no JSON.
    #[error("{}: not valid JSON: {source}; try it with a JSON checker", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The file is JSON and wrong.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is allowed.
        what: Refusal,
    },
}

/// What is wrong with a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such key.
    #[error("key '{key}' is unknown; {}known keys: {known}", .nearest.map(|n| format!("did you mean '{n}'? ")).unwrap_or_default())]
    UnknownKey {
        /// The key.
        key: String,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
        /// All keys that may stand there.
        known: String,
    },
    /// A value of a wrong type or out of its range.
    #[error("key '{key}' is {value}, but must be {allowed}")]
    Value {
        /// The key.
        key: String,
        /// The value, shortened.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// A filter is wrong.
    #[error("key '{key}': {source}")]
    Filter {
        /// The list it stands in.
        key: String,
        /// What is wrong.
        source: FilterError,
    },
    /// An exception is wrong.
    #[error("key 'exceptions': {0}")]
    Exception(#[from] ExceptionError),
    /// The section is not there.
    #[error("the object \"docker-listener\" is missing; all keys belong into it")]
    NoSection,
}

/// Reads the file; where there is none, the defaults hold.
///
/// # Errors
/// Where the file cannot be read, is no JSON, or holds anything that is not known.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let text = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) => return Err(unreadable(error)),
        Ok(file) if !file.is_file() || file.len() > LARGEST_FILE => {
            return Err(unreadable(io::Error::other("not a regular file of at most 1 MiB")));
        }
        Ok(_) => fs::read(path).map_err(unreadable)?,
    };
    let json = serde_json::from_slice(&text).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })?;
    parse(&json).map_err(|what| ConfigError::Content { path: path.to_owned(), what })
}

/// Reads the configuration from its JSON.
///
/// # Errors
/// At the first key that is unknown or has a value it may not have.
pub fn parse(json: &Value) -> Result<Config, Refusal> {
    let top = object("the file", json)?;
    known_only(top, "", &[SECTION])?;
    let section = object(SECTION, top.get(SECTION).ok_or(Refusal::NoSection)?)?;
    known_only(section, "", &KEYS.map(|(key, _)| key))?;

    let mut config = Config::default();
    if let Some(value) = section.get("enabled") {
        config.enabled = boolean("enabled", value)?;
    }
    if let Some(value) = section.get("debug") {
        config.debug = boolean("debug", value)?;
    }
    if let Some(value) = section.get("wait_time") {
        config.wait_time = Duration::from_secs(number("wait_time", value, WAIT_TIME, "seconds")?);
    }
    if let Some(value) = section.get("max_event_size") {
        let bytes = number("max_event_size", value, MAX_EVENT_SIZE, "bytes")?;
        config.max_event_size = usize::try_from(bytes).unwrap_or(config.max_event_size);
    }
    read_bounds(section, &mut config)?;
    read_redaction(section, &mut config)?;
    read_judgement(section, &mut config)?;
    if let Some(value) = section.get("docker_host") {
        let host = text("docker_host", value, "an address such as unix:///var/run/docker.sock")?;
        // Whether there are certificates is seen once all sources are known; here the shape counts.
        if let Err(error) = crate::docker::endpoint::Endpoint::parse(host, Some(Path::new("/"))) {
            return Err(refused_value("docker_host", value, &error.to_string()));
        }
        config.docker_host = Some(host.to_owned());
    }
    if let Some(value) = section.get("docker_cert_path") {
        let folder = text("docker_cert_path", value, "the absolute path of a folder with ca.pem")?;
        if !folder.starts_with('/') {
            return Err(refused_value("docker_cert_path", value, "the absolute path of a folder with ca.pem"));
        }
        config.docker_cert_path = Some(PathBuf::from(folder));
    }
    if let Some(value) = section.get("filters") {
        let filters = object("filters", value)?;
        known_only(filters, "filters.", &["include", "exclude"])?;
        config.include = filter(filters, "include")?;
        config.exclude = filter(filters, "exclude")?;
    }
    Ok(config)
}

fn read_redaction(section: &Map<String, Value>, config: &mut Config) -> Result<(), Refusal> {
    if let Some(value) = section.get("redaction") {
        config.redaction = match value.as_str() {
            Some("mask") => Mode::Mask,
            Some("hash") => Mode::Hash,
            Some("strict") => Mode::Strict,
            Some("off") => Mode::Off,
            _ => return Err(refused_value("redaction", value, "\"mask\", \"hash\", \"strict\" or \"off\"")),
        };
    }
    if let Some(value) = section.get("redact_patterns") {
        let allowed = format!("a list of at most {MOST_PATTERNS} regular expressions such as [\"EMP-[0-9]+\"]");
        let patterns = value.as_array().filter(|patterns| patterns.len() <= MOST_PATTERNS);
        let patterns = patterns.ok_or_else(|| refused_value("redact_patterns", value, &allowed))?;
        for pattern in patterns {
            config.redact_patterns.push(text("redact_patterns", pattern, &allowed)?.to_owned());
        }
    }
    Ok(())
}

fn read_judgement(section: &Map<String, Value>, config: &mut Config) -> Result<(), Refusal> {
    if let Some(value) = section.get("inspect") {
        config.inspect = boolean("inspect", value)?;
    }
    if let Some(value) = section.get("inspect_timeout") {
        config.inspect_timeout =
            Duration::from_millis(number("inspect_timeout", value, INSPECT_TIMEOUT, "milliseconds")?);
    }
    if let Some(value) = section.get("local_images") {
        let known = LocalImages::ALL.into_iter().find(|local| value.as_str() == Some(local.name()));
        config.local_images =
            known.ok_or_else(|| refused_value("local_images", value, "\"allow\", \"report\" or \"alert\""))?;
    }
    if let Some(value) = section.get("require_pinned") {
        config.require_pinned = boolean("require_pinned", value)?;
    }
    if let Some(value) = section.get("exceptions") {
        let allowed = format!("a list of at most {MAX_EXCEPTIONS} exceptions");
        let list = value.as_array().filter(|list| list.len() <= MAX_EXCEPTIONS);
        config.exceptions = Exceptions::parse(list.ok_or_else(|| refused_value("exceptions", value, &allowed))?)?;
    }
    if let Some(value) = section.get("baseline") {
        let baseline = object("baseline", value)?;
        known_only(baseline, "baseline.", &["enabled", "learn"])?;
        if let Some(value) = baseline.get("enabled") {
            config.baseline = boolean("baseline.enabled", value)?;
        }
        if let Some(value) = baseline.get("learn") {
            let days = number("baseline.learn", value, LEARN, "days")?;
            config.learn_days = u32::try_from(days).unwrap_or_default();
        }
    }
    config.trusted_registries = registries(section, "trusted_registries")?;
    config.untrusted_registries = registries(section, "untrusted_registries")?;
    Ok(())
}

fn registries(section: &Map<String, Value>, key: &'static str) -> Result<Vec<String>, Refusal> {
    let allowed = format!(
        "a list of at most {MOST_REGISTRIES} registries such as [\"registry.example.com\", \"docker.io/library\"]"
    );
    let Some(value) = section.get(key) else { return Ok(Vec::new()) };
    let list = value.as_array().filter(|list| list.len() <= MOST_REGISTRIES);
    let list = list.ok_or_else(|| refused_value(key, value, &allowed))?;
    list.iter().map(|registry| text(key, registry, &allowed).map(str::to_owned)).collect()
}

fn read_bounds(section: &Map<String, Value>, config: &mut Config) -> Result<(), Refusal> {
    let read = |key, range, unit| section.get(key).map(|value| number(key, value, range, unit)).transpose();
    if let Some(rate) = read("max_events_per_second", MAX_EVENTS_PER_SECOND, "messages a second")? {
        config.max_events_per_second = u32::try_from(rate).unwrap_or(u32::MAX);
    }
    if let Some(burst) = read("burst", BURST, "messages")? {
        config.burst = u32::try_from(burst).unwrap_or(u32::MAX);
    }
    if let Some(events) = read("event_queue_size", EVENT_QUEUE_SIZE, "events")? {
        config.event_queue_size = usize::try_from(events).unwrap_or(usize::MAX);
    }
    if let Some(size) = read("backlog_memory", BACKLOG_MEMORY, "MiB")? {
        config.backlog_memory = usize::try_from(size << 20).unwrap_or(usize::MAX);
    }
    if let Some(size) = read("backlog_disk", BACKLOG_DISK, "MiB")? {
        config.backlog_disk = size << 20;
    }
    if let Some(minutes) = read("heartbeat", HEARTBEAT, "minutes")? {
        config.heartbeat = (minutes > 0).then(|| Duration::from_secs(minutes * 60));
    }
    Ok(())
}

/// The known name that looks most like `given`, where one looks like it at all.
pub(crate) fn nearest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const ALIKE: f64 = 0.7;
    let given = given.to_ascii_lowercase().replace('-', "_");
    names
        .map(|name| (strsim::jaro_winkler(&given, &name.replace('-', "_")), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn known_only(object: &Map<String, Value>, within: &str, known: &[&'static str]) -> Result<(), Refusal> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Refusal::UnknownKey {
            key: format!("{within}{}", shorten(key)),
            nearest: nearest(key, known.iter().copied()),
            known: known.join(", "),
        }),
    }
}

fn refused_value(key: &str, value: &Value, allowed: &str) -> Refusal {
    Refusal::Value { key: key.to_owned(), value: shorten(&value.to_string()), allowed: allowed.to_owned() }
}

fn object<'j>(key: &str, value: &'j Value) -> Result<&'j Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| refused_value(key, value, "an object {…}"))
}

fn boolean(key: &str, value: &Value) -> Result<bool, Refusal> {
    value.as_bool().ok_or_else(|| refused_value(key, value, "true or false"))
}

fn text<'j>(key: &str, value: &'j Value, allowed: &str) -> Result<&'j str, Refusal> {
    value.as_str().filter(|text| !text.is_empty()).ok_or_else(|| refused_value(key, value, allowed))
}

fn number(key: &str, value: &Value, range: std::ops::RangeInclusive<u64>, unit: &str) -> Result<u64, Refusal> {
    value.as_u64().filter(|number| range.contains(number)).ok_or_else(|| {
        refused_value(key, value, &format!("a whole number of {unit} from {} to {}", range.start(), range.end()))
    })
}

fn filter(filters: &Map<String, Value>, list: &str) -> Result<Filter, Refusal> {
    let key = format!("filters.{list}");
    let allowed = "a list of conditions such as [\"type=container\", \"event=start\"]";
    let Some(value) = filters.get(list) else { return Ok(Filter::default()) };
    let conditions = value.as_array().ok_or_else(|| refused_value(&key, value, allowed))?;
    let mut filter = Filter::default();
    for condition in conditions {
        let condition = text(&key, condition, allowed)?;
        filter.add(condition).map_err(|source| Refusal::Filter { key: key.clone(), source })?;
    }
    Ok(filter)
}

/// An error names what it refuses, but a megabyte of it would help nobody.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn section(value: &Value) -> Result<Config, Refusal> {
        parse(&json!({ SECTION: value }))
    }

    #[test]
    fn reads_every_key() {
        let config = section(&json!({
            "enabled": false, "wait_time": 60, "max_event_size": 1024, "debug": true,
            "docker_host": "tcp://127.0.0.1:2375", "docker_cert_path": "/etc/docker/certs",
            "filters": {"include": ["type=container"], "exclude": ["event=top", "event=resize"]},
            "max_events_per_second": 0, "burst": 1, "event_queue_size": 100, "backlog_memory": 4, "backlog_disk": 0,
            "heartbeat": 0, "inspect": false, "redaction": "hash", "redact_patterns": ["a+"],
            "local_images": "alert", "baseline": {"enabled": false, "learn": 14},
            "exceptions": [{"accept": "host_network", "image": "ghcr.io/a/b", "reason": "r", "until": "2027-01-01"}]
        }))
        .unwrap();
        assert!(!config.enabled && config.debug && !config.inspect);
        assert_eq!(config.wait_time, Duration::from_secs(60));
        assert_eq!(config.max_event_size, 1024);
        assert_eq!(config.docker_host.as_deref(), Some("tcp://127.0.0.1:2375"));
        assert_eq!(config.docker_cert_path, Some(PathBuf::from("/etc/docker/certs")));
        assert_eq!(config.include.to_string(), "type=container");
        assert_eq!((config.max_events_per_second, config.burst, config.event_queue_size), (0, 1, 100));
        assert_eq!((config.backlog_memory, config.backlog_disk, config.heartbeat), (4 << 20, 0, None));
        assert_eq!((config.redaction, config.redact_patterns), (Mode::Hash, vec!["a+".to_owned()]));
        assert_eq!(config.local_images, LocalImages::Alert);
        assert_eq!((config.baseline, config.learn_days, config.exceptions.iter().count()), (false, 14, 1));
        assert_eq!(config.exclude.to_string(), "event=top event=resize");
        assert_eq!(section(&json!({})).unwrap(), Config::default());
    }

    #[test]
    fn refuses_what_is_no_exception_and_no_baseline() {
        for (given, said) in [
            (json!({"exceptions": {}}), "key 'exceptions' is {}, but must be a list of at most 1000 exceptions"),
            (
                json!({"exceptions": [{"accept": "x", "image": "a/b", "reason": "r", "until": "x"}]}),
                "key 'exceptions': exception 1: 'until' must be a day such as 2027-06-30, not 'x'",
            ),
            (json!({"baseline": {"days": 1}}), "key 'baseline.days' is unknown; known keys: enabled, learn"),
            (
                json!({"baseline": {"learn": -1}}),
                "key 'baseline.learn' is -1, but must be a whole number of days from 0 to 3650",
            ),
        ] {
            assert_eq!(section(&given).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn refuses_everything_else_with_key_value_range_and_cure() {
        let long = "x".repeat(500);
        for (given, said) in [
            (
                json!({"wait-tme": 5}),
                "key 'wait-tme' is unknown; did you mean 'wait_time'? known keys: enabled, wait_time, max_event_size, \
                 debug, docker_host, docker_cert_path, filters, max_events_per_second, burst, event_queue_size, \
                 backlog_memory, backlog_disk, heartbeat, inspect, \
                 inspect_timeout, trusted_registries, untrusted_registries, local_images, require_pinned, exceptions, \
                 baseline, redaction, redact_patterns",
            ),
            (json!({"wait_time": 0}), "key 'wait_time' is 0, but must be a whole number of seconds from 1 to 60"),
            (json!({"wait_time": 61}), "key 'wait_time' is 61, but must be a whole number of seconds from 1 to 60"),
            (json!({"wait_time": "5"}), "key 'wait_time' is \"5\", but must be a whole number of seconds from 1 to 60"),
            (json!({"wait_time": 5.5}), "key 'wait_time' is 5.5, but must be a whole number of seconds from 1 to 60"),
            (
                json!({"max_event_size": 65537}),
                "key 'max_event_size' is 65537, but must be a whole number of bytes from 1024 to 65536",
            ),
            (
                json!({"max_events_per_second": -1}),
                "key 'max_events_per_second' is -1, but must be a whole number of messages a second from 0 to 1000000",
            ),
            (json!({"burst": 0}), "key 'burst' is 0, but must be a whole number of messages from 1 to 1000000"),
            (
                json!({"event_queue_size": 99}),
                "key 'event_queue_size' is 99, but must be a whole number of events from 100 to 10000000",
            ),
            (
                json!({"backlog_memory": 3}),
                "key 'backlog_memory' is 3, but must be a whole number of MiB from 4 to 4096",
            ),
            (
                json!({"backlog_disk": 65537}),
                "key 'backlog_disk' is 65537, but must be a whole number of MiB from 0 to 65536",
            ),
            (
                json!({"heartbeat": 1441}),
                "key 'heartbeat' is 1441, but must be a whole number of minutes from 0 to 1440",
            ),
            (
                json!({"local_images": true}),
                "key 'local_images' is true, but must be \"allow\", \"report\" or \"alert\"",
            ),
            (json!({"exceptions": {}}), "key 'exceptions' is {}, but must be a list of at most 1000 exceptions"),
            (
                json!({"exceptions": [{"accept": "x", "image": "a/b", "reason": "r", "until": "x"}]}),
                "key 'exceptions': exception 1: 'until' must be a day such as 2027-06-30, not 'x'",
            ),
            (
                json!({"redaction": "on"}),
                "key 'redaction' is \"on\", but must be \"mask\", \"hash\", \"strict\" or \"off\"",
            ),
            (
                json!({"redact_patterns": "x"}),
                "key 'redact_patterns' is \"x\", but must be a list of at most 100 regular expressions such as \
                 [\"EMP-[0-9]+\"]",
            ),
            (
                json!({"trusted_registries": "docker.io"}),
                "key 'trusted_registries' is \"docker.io\", but must be a list of at most 1000 registries such as \
                 [\"registry.example.com\", \"docker.io/library\"]",
            ),
            (
                json!({"inspect_timeout": 5001}),
                "key 'inspect_timeout' is 5001, but must be a whole number of milliseconds from 10 to 5000",
            ),
            (json!({"enabled": "no"}), "key 'enabled' is \"no\", but must be true or false"),
            (json!({"debug": null}), "key 'debug' is null, but must be true or false"),
            (
                json!({"docker_host": ""}),
                "key 'docker_host' is \"\", but must be an address such as unix:///var/run/docker.sock",
            ),
            (json!({"filters": ["a=b"]}), "key 'filters' is [\"a=b\"], but must be an object {…}"),
            (
                json!({"filters": {"includes": []}}),
                "key 'filters.includes' is unknown; did you mean 'include'? known keys: include, exclude",
            ),
            (
                json!({"filters": {"include": "type=image"}}),
                "key 'filters.include' is \"type=image\", but must be a list of conditions such as \
                 [\"type=container\", \"event=start\"]",
            ),
            (
                json!({"docker_cert_path": "certs"}),
                "key 'docker_cert_path' is \"certs\", but must be the absolute path of a folder with ca.pem",
            ),
        ] {
            assert_eq!(section(&given).unwrap_err().to_string(), said);
        }
        let said = section(&json!({ long.as_str(): 1 })).unwrap_err().to_string();
        assert!(said.len() < 480, "{said}");
        let said = section(&json!({"docker_host": "ssh://host"})).unwrap_err().to_string();
        assert!(said.contains("ssh"), "{said}");
        let said = section(&json!({"filters": {"exclude": ["labl=x"]}})).unwrap_err().to_string();
        assert!(said.contains("filters.exclude") && said.contains("did you mean 'label'?"), "{said}");
        assert_eq!(parse(&json!({})).unwrap_err(), Refusal::NoSection);
        let said = parse(&json!({"docker_listener": {}})).unwrap_err().to_string();
        assert!(said.contains("did you mean 'docker-listener'?"), "{said}");
        assert!(parse(&json!([])).unwrap_err().to_string().contains("but must be an object"));
    }

    #[test]
    fn a_missing_file_means_the_defaults_and_a_broken_one_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-listener.json");
        assert_eq!(load(&path).unwrap(), Config::default());
        fs::write(&path, "{\"docker-listener\": {\n \"debug\": tru}}").unwrap();
        let said = load(&path).unwrap_err().to_string();
        assert!(said.contains("docker-listener.json: not valid JSON") && said.contains("line 2"), "{said}");
        assert!(load(folder.path()).unwrap_err().to_string().contains("not a regular file"));
    }
}
