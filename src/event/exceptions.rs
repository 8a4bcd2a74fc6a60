//! What the configuration accepts: findings on containers of certain images, with a reason, until a day.
//!
//! An exception binds to where an image is proven to be from, or to its digest or id; never to a name or a label alone,
//! which anyone can give. A container's name or a project can make it narrower.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::origin::Origin;
use super::provenance::named;
use super::registry::{Registries, Trust};
use super::risk::KINDS;

/// The most exceptions of a configuration.
pub const MAX_EXCEPTIONS: usize = 1000;

/// The findings on commands that can be accepted.
pub const COMMANDS: [&str; 20] = [
    "exec_privileged",
    "exec_typed_shell",
    "exec_session",
    "exec_shell",
    "exec_tunnel",
    "exec_download",
    "exec_package_manager",
    "exec_miner",
    "exec_reverse_shell",
    "exec_decode_and_run",
    "exec_escape",
    "exec_credential_access",
    "exec_persistence",
    "exec_covering_tracks",
    "exec_destruction",
    "exec_upload",
    "exec_interpreter_code",
    "exec_scanner",
    "exec_container_tool",
    "exec_enumeration",
];

/// The keys of an exception.
const KEYS: [&str; 7] = ["accept", "image", "container", "project", "engine", "reason", "until"];

/// What is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The names of findings: kinds of risk, and those of [`COMMANDS`].
    pub accept: Vec<String>,
    image: Image,
    /// A part of the container's name, with `*` for any characters.
    container: Option<String>,
    /// The same of the Compose project.
    project: Option<String>,
    /// The same of the engine's address, as `docker_host` has it.
    engine: Option<String>,
    /// Why; it stands in each message that it is applied to.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
}

/// Which images.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Image {
    /// Those that were pulled from here.
    From { text: String, place: Registries },
    /// The one with this digest or id.
    Digest(String),
}

/// Why an exception is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("exception {number}: {what}")]
pub struct ExceptionError {
    /// Its place in the list, from 1 on.
    pub number: usize,
    /// What is wrong, and what is allowed.
    pub what: String,
}

/// All exceptions of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

/// What a finding is on.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// Where the image is from.
    pub origin: &'s Origin,
    /// The container's name.
    pub container: &'s str,
    /// The Compose project that its labels name.
    pub project: &'s str,
    /// The engine's address.
    pub engine: &'s str,
}

impl Exceptions {
    /// Reads a list of exceptions.
    ///
    /// # Errors
    /// At the first that is wrong.
    pub fn parse(list: &[Value]) -> Result<Self, ExceptionError> {
        let parse = |(place, value): (usize, &Value)| {
            let exception = value.as_object().ok_or_else(|| "must be an object".to_owned()).and_then(Exception::parse);
            exception.map_err(|what| ExceptionError { number: place + 1, what })
        };
        list.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing is accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.0.iter()
    }

    /// The exception that accepts a finding on this day, where there is one.
    #[must_use]
    pub fn accepts(&self, finding: &str, subject: Subject<'_>, today: Date) -> Option<&Exception> {
        self.0.iter().find(|exception| {
            exception.until >= today
                && exception.accept.iter().any(|accepted| accepted == finding)
                && exception.matches(subject)
        })
    }
}

impl Exception {
    fn parse(object: &Map<String, Value>) -> Result<Self, String> {
        if let Some(key) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let key: String = key.chars().take(40).collect();
            return Err(format!("key '{key}' is unknown; known keys: {}", KEYS.join(", ")));
        }
        let text = |key: &str| match object.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() && text.len() <= 512 => Ok(Some(text.as_str())),
            Some(_) => Err(format!("'{key}' must be a text of 1 to 512 bytes")),
        };
        let required = |key: &str, what: &str| text(key)?.ok_or_else(|| format!("'{key}' is missing: {what}"));
        let image = Image::parse(required("image", "an image that was pulled from there, or a digest")?)?;
        let reason = required("reason", "why this is accepted")?.to_owned();
        let until = required("until", "the last day, such as 2027-06-30")?;
        let until = until.parse().map_err(|_| format!("'until' must be a day such as 2027-06-30, not '{until}'"))?;
        Ok(Self {
            accept: findings(object.get("accept"))?,
            image,
            container: text("container")?.map(str::to_owned),
            project: text("project")?.map(str::to_owned),
            engine: text("engine")?.map(str::to_owned),
            reason,
            until,
        })
    }

    fn matches(&self, Subject { origin, container, project, engine }: Subject<'_>) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| !text.is_empty() && matches_pattern(pattern, text))
        };
        self.image.matches(origin)
            && fits(&self.container, container)
            && fits(&self.project, project)
            && fits(&self.engine, engine)
    }

    /// One line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let image = match &self.image {
            Image::From { text, .. } => format!("images from {text}"),
            Image::Digest(digest) => format!("image {digest}"),
        };
        format!("{} of {image}, until {}: {}", self.accept.join(", "), self.until, self.reason)
    }
}

/// What an exception can bind the image of this origin to: where it was pulled from, else its id; `None` where neither is
/// known.
#[must_use]
pub fn binding(origin: &Origin) -> Option<String> {
    let place = origin.pulled_places().filter(|places| places.len() == 1).map(|places| places.concat());
    place.or_else(|| origin.id.starts_with("sha256:").then(|| origin.id.clone()))
}

/// The names of findings, one or a list.
fn findings(value: Option<&Value>) -> Result<Vec<String>, String> {
    let list = match value {
        Some(Value::Array(list)) if !list.is_empty() => list.as_slice(),
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        _ => {
            return Err("'accept' must be the name of a finding or a list of them, such as \"host_network\"".to_owned());
        }
    };
    let known = |name: &str| KINDS.iter().any(|kind| kind.name == name) || COMMANDS.contains(&name);
    let name = |value: &Value| {
        let name = value.as_str().unwrap_or_default();
        let shown: String = name.chars().take(40).collect();
        let all = || KINDS.iter().map(|kind| kind.name).chain(COMMANDS).collect::<Vec<_>>().join(", ");
        known(name).then(|| name.to_owned()).ok_or_else(|| format!("'{shown}' is no finding; known are {}", all()))
    };
    list.iter().map(name).collect()
}

impl Image {
    fn parse(text: &str) -> Result<Self, String> {
        let is_digest = |digest: &str| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.strip_prefix("sha256:").is_some_and(is_digest) {
            return Ok(Self::Digest(text.to_ascii_lowercase()));
        }
        let place = Registries::new(&[text.to_owned()], &[]).map_err(|error| format!("'image': {error}"))?;
        if !text.trim_end_matches('/').contains('/') {
            return Err(format!(
                "'image' is '{text}', which is a whole registry; name a repository of it, or sha256:…"
            ));
        }
        Ok(Self::From { text: text.to_owned(), place })
    }

    fn matches(&self, origin: &Origin) -> bool {
        match self {
            Self::Digest(digest) => origin.id == *digest || (origin.digest == *digest && origin.is_proven()),
            Self::From { place, .. } => {
                let is_from = |name: &str| named(name).is_some_and(|name| place.judge(&name) == Trust::Trusted);
                origin.pulled_places().is_some_and(|places| places.iter().all(|place| is_from(place)))
            }
        }
    }
}

/// Whether a text is this pattern, in which `*` is any number of characters.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::provenance::How;
    use serde_json::json;

    const DIGEST: &str = "sha256:5555555555555555555555555555555555555555555555555555555555555555";

    fn exceptions(list: &Value) -> Result<Exceptions, String> {
        Exceptions::parse(list.as_array().unwrap()).map_err(|error| error.to_string())
    }

    fn pulled(registry: &str, repository: &str) -> Origin {
        Origin {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            how: Some(How::Pulled),
            ..Origin::default()
        }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn an_exception_binds_to_where_an_image_is_from_and_to_nothing_that_anyone_can_give() {
        let portainer = exceptions(
            &json!([{"accept": ["engine_socket", "exec_shell"], "image": "docker.io/portainer/portainer-ce",
            "reason": "it manages containers", "until": "2027-06-30"}]),
        )
        .unwrap();
        let accepts = |origin: &Origin, finding: &str, today: &str| {
            let subject = Subject { origin, container: "portainer", project: "", engine: "" };
            portainer.accepts(finding, subject, day(today)).is_some()
        };
        let own = pulled("docker.io", "portainer/portainer-ce");
        assert!(accepts(&own, "engine_socket", "2027-06-30") && accepts(&own, "exec_shell", "2026-01-01"));
        assert!(!accepts(&own, "engine_socket", "2027-07-01"), "it has expired");
        assert!(!accepts(&own, "privileged", "2026-01-01"));
        for other in [
            pulled("docker.io", "portainer/portainer"),
            pulled("evil.example", "portainer/portainer-ce"),
            Origin { how: None, ..own.clone() },
            Origin { how: Some(How::Built), ..own.clone() },
            Origin { is_masquerade: true, ..own.clone() },
            Origin { pulled_from: vec!["evil.example/x".to_owned()], ..own.clone() },
            Origin {
                pulled_from: vec!["docker.io/portainer/portainer-ce".to_owned(), "evil.example/x".to_owned()],
                ..own.clone()
            },
        ] {
            assert!(!accepts(&other, "engine_socket", "2026-01-01"), "{other:?}");
        }
        let renamed = Origin {
            pulled_from: vec!["docker.io/portainer/portainer-ce".to_owned()],
            ..pulled("docker.io", "library/mine")
        };
        assert!(accepts(&renamed, "engine_socket", "2026-01-01"));
    }

    #[test]
    fn a_digest_and_a_container_make_it_narrower() {
        let list = exceptions(&json!([
            {"accept": "host_network", "image": DIGEST, "reason": "r", "until": "2027-01-01"},
            {"accept": "host_pid", "image": "ghcr.io/team/app", "container": "web-*", "project": "shop", "reason": "r", "until": "2027-01-01"}
        ]))
        .unwrap();
        let accepts = |finding: &str, origin: &Origin, container: &str, project: &str| {
            list.accepts(finding, Subject { origin, container, project, engine: "" }, day("2026-01-01")).is_some()
        };
        let built = Origin { id: DIGEST.to_owned(), how: Some(How::Built), ..Origin::default() };
        assert!(accepts("host_network", &built, "x", ""));
        assert!(!accepts("host_network", &Origin { id: DIGEST.replace('5', "6"), ..built.clone() }, "x", ""));
        let app = pulled("ghcr.io", "team/app");
        assert!(accepts("host_pid", &app, "web-1", "shop"));
        assert!(!accepts("host_pid", &app, "web", "shop") && !accepts("host_pid", &app, "web-1", ""));
    }

    #[test]
    fn an_engine_makes_it_narrower() {
        let list = json!([{"accept": "host_pid", "image": "ghcr.io/team/app", "engine": "unix:///run/user/*", "reason": "r",
            "until": "2027-01-01"}]);
        let list = exceptions(&list).unwrap();
        let origin = pulled("ghcr.io", "team/app");
        for (engine, is_accepted) in
            [("unix:///run/user/1000/docker.sock", true), ("unix:///var/run/docker.sock", false)]
        {
            let subject = Subject { origin: &origin, container: "x", project: "", engine };
            assert_eq!(list.accepts("host_pid", subject, day("2026-01-01")).is_some(), is_accepted, "{engine}");
        }
    }

    #[test]
    fn what_is_suggested_is_what_matches() {
        for origin in [
            pulled("ghcr.io", "team/app"),
            Origin { pulled_from: vec!["docker.io/a/b".to_owned()], ..pulled("docker.io", "library/mine") },
            Origin { id: DIGEST.to_owned(), how: Some(How::Built), ..Origin::default() },
        ] {
            let list = json!([{"accept": "host_pid", "image": binding(&origin), "reason": "r", "until": "2027-01-01"}]);
            let subject = Subject { origin: &origin, container: "x", project: "", engine: "" };
            assert!(exceptions(&list).unwrap().accepts("host_pid", subject, day("2026-01-01")).is_some(), "{origin:?}");
        }
        assert_eq!(binding(&Origin::default()), None);
    }

    #[test]
    fn patterns() {
        for (pattern, text, matches) in [
            ("web", "web", true),
            ("web", "web1", false),
            ("web*", "web", true),
            ("*", "anything", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*-1", "web-1", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused_with_what_is_allowed() {
        let good = json!({"accept": "host_network", "image": "ghcr.io/a/b", "reason": "r", "until": "2027-01-01"});
        assert!(exceptions(&json!([good])).is_ok());
        for (key, value, said) in [
            ("accept", json!("host_netwerk"), "exception 2: 'host_netwerk' is no finding; known are privileged,"),
            ("accept", json!([]), "exception 2: 'accept' must be the name of a finding or a list"),
            ("image", Value::Null, "exception 2: 'image' must be a text"),
            ("image", json!("ghcr.io"), "exception 2: 'image' is 'ghcr.io', which is a whole registry"),
            ("image", json!("https://x/y"), "exception 2: 'image': 'https://x/y' is no registry"),
            ("reason", json!(" "), "exception 2: 'reason' must be a text"),
            ("until", json!("soon"), "exception 2: 'until' must be a day such as 2027-06-30, not 'soon'"),
            ("label", json!("x"), "exception 2: key 'label' is unknown; known keys: accept, image,"),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            let error = exceptions(&json!([good, bad])).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
        for key in ["image", "reason", "until", "accept"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(key);
            assert!(exceptions(&json!([bad])).unwrap_err().contains(&format!("'{key}'")), "{key}");
        }
        assert!(exceptions(&json!(["x"])).is_err());
    }
}
