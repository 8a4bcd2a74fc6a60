//! Whose registries are trusted.
//!
//! A pattern is a host with its port, a host with the beginning of a path, or either with `*` for one whole label or one
//! whole part of a path; `**.` before a host stands for one label or more:
//!
//! ```text
//! registry.example.com         that host, all of its repositories; no other port, and no host below it
//! registry.example.com:5000    that host on that port
//! docker.io/library            Docker Hub's own images: docker.io/library/nginx, not docker.io/library2/nginx
//! *.example.com                a.example.com, not a.b.example.com and not example.com
//! **.example.com               a.example.com and a.b.example.com
//! ghcr.io/*/base               ghcr.io/team/base and what is below it
//! *                            every registry whose host has one label; use ** for all
//! ```
//!
//! Hosts are compared without regard to case, as they are resolved; port 443 is the same as none. Nothing is matched by a
//! part of a label, so that `docker.io.example.net` never passes for `docker.io`.

use std::fmt;

use super::image::{HUB, Reference, split_port};

/// What is thought of an image's origin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// It is from a trusted registry.
    Trusted,
    /// It was made or brought here without a registry, of nothing that is known to be worse.
    Local,
    /// Nobody said, or it is not known where it is from.
    #[default]
    Unknown,
    /// It is from a registry that is not trusted.
    Untrusted,
}

impl Trust {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Local => "local",
            Self::Unknown => "unknown",
            Self::Untrusted => "untrusted",
        }
    }
}

/// What containers of images that were made or brought here without a registry are worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LocalImages {
    /// A record.
    Allow,
    /// A glance.
    #[default]
    Report,
    /// An alert.
    Alert,
}

impl LocalImages {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Report, Self::Alert];

    /// One word, in the configuration and for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Report => "report",
            Self::Alert => "alert",
        }
    }
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{pattern}' is no registry; give a host with an optional port and path, such as registry.example.com:5000, \
     docker.io/library or *.example.com, without a scheme, tag or digest"
)]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// From the last label to the first: the end of a host is what says whose it is.
    labels: Vec<String>,
    port: Option<String>,
    path: Vec<String>,
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Self, PatternError> {
        let refused = || PatternError { pattern: pattern.chars().take(80).collect() };
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let (host, path) = pattern.trim_end_matches('/').split_once('/').unwrap_or((pattern.trim_end_matches('/'), ""));
        let (host, port) = split_port(host);
        if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(refused());
        }
        let labels: Vec<String> = labels(host).map(str::to_ascii_lowercase).collect();
        let is_address = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        let many_at_front = labels.iter().rev().skip(1).all(|label| label != "**");
        let are_labels = || labels.iter().all(|label| is_name(label) || label == "*" || label == "**");
        if !(is_address || many_at_front && are_labels()) {
            return Err(refused());
        }
        let path: Vec<String> = path.split('/').filter(|_| !path.is_empty()).map(str::to_owned).collect();
        let is_part = |part: &String| {
            part == "*" || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)))
        };
        if !path.iter().all(is_part) {
            return Err(refused());
        }
        Ok(Self { labels, port: real_port(port).map(str::to_owned), path })
    }

    fn matches(&self, reference: &Reference<'_>) -> bool {
        let (_, port) = split_port(&reference.registry);
        real_port(port) == self.port.as_deref() && self.matches_on_any_port(reference)
    }

    fn matches_on_any_port(&self, reference: &Reference<'_>) -> bool {
        let registry = if is_hub(&reference.registry) { HUB } else { &reference.registry };
        let (host, _) = split_port(registry);
        let mut parts = reference.repository.split('/');
        self.matches_host(host)
            && self.path.iter().all(|part| parts.next().is_some_and(|their| part == "*" || part == their))
    }

    fn matches_host(&self, host: &str) -> bool {
        let theirs: Vec<&str> = labels(host).collect();
        let (ours, has_right_length) = match self.labels.split_last() {
            Some((first, rest)) if first == "**" => (rest, theirs.len() > rest.len()),
            _ => (self.labels.as_slice(), theirs.len() == self.labels.len()),
        };
        has_right_length
            && ours.iter().zip(theirs).all(|(label, their)| label == "*" || label.eq_ignore_ascii_case(their))
    }
}

/// The labels of a host from the last to the first; an IPv6 address is one label.
fn labels(host: &str) -> Box<dyn Iterator<Item = &str> + '_> {
    if host.starts_with('[') { Box::new(std::iter::once(host)) } else { Box::new(host.rsplit('.')) }
}

/// HTTPS is what engines speak where no port is given.
fn real_port(port: Option<&str>) -> Option<&str> {
    port.map(|port| port.trim_start_matches('0')).filter(|port| *port != "443")
}

/// Docker Hub answers to other names too; who does not trust it does not trust these.
fn is_hub(registry: &str) -> bool {
    [HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(registry))
}

/// Whom to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    trusted: Vec<Pattern>,
    untrusted: Vec<Pattern>,
    local: LocalImages,
}

impl Registries {
    /// Reads both lists.
    ///
    /// # Errors
    /// At the first pattern that is none.
    pub fn new(trusted: &[String], untrusted: &[String]) -> Result<Self, PatternError> {
        let parse = |patterns: &[String]| -> Result<Vec<_>, _> {
            patterns.iter().map(|pattern| Pattern::parse(pattern)).collect()
        };
        Ok(Self { trusted: parse(trusted)?, untrusted: parse(untrusted)?, local: LocalImages::default() })
    }

    /// The same lists, with what images of no registry are worth.
    #[must_use]
    pub fn with_local_images(self, local: LocalImages) -> Self {
        Self { local, ..self }
    }

    /// What images of no registry are worth.
    #[must_use]
    pub fn local_images(&self) -> LocalImages {
        self.local
    }

    /// Whether anybody is named as trusted, so that everybody else is not.
    #[must_use]
    pub fn is_policy(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// Whether this origin is named as untrusted.
    #[must_use]
    pub fn distrusts(&self, reference: &Reference<'_>) -> bool {
        self.untrusted.iter().any(|pattern| pattern.matches(reference))
    }

    /// Whether this origin could be a trusted one if its registry's port were another.
    #[must_use]
    pub fn may_trust(&self, reference: &Reference<'_>) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches_on_any_port(reference));
        any(&self.trusted) && !self.distrusts(reference)
    }

    /// What is thought of this origin: who is named as untrusted stays that, whatever else matches; where nobody is
    /// named as trusted nobody is known.
    #[must_use]
    pub fn judge(&self, reference: &Reference<'_>) -> Trust {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(reference));
        if any(&self.untrusted) {
            Trust::Untrusted
        } else if any(&self.trusted) {
            Trust::Trusted
        } else if self.trusted.is_empty() {
            Trust::Unknown
        } else {
            Trust::Untrusted
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::image::Image;
    use proptest::prelude::*;

    fn judge(trusted: &[&str], untrusted: &[&str], image: &str) -> Trust {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let registries = Registries::new(&owned(trusted), &owned(untrusted)).unwrap();
        let Ok(Image::Named(reference)) = Image::parse(image) else { panic!("{image}") };
        registries.judge(&reference)
    }

    #[test]
    fn a_pattern_matches_whole_labels_and_whole_parts_and_nothing_else() {
        for (pattern, image, matches) in [
            ("registry.example.com", "registry.example.com/team/app:1", true),
            ("registry.example.com", "REGISTRY.Example.com/team/app:1", true),
            ("registry.example.com", "registry.example.com:443/app", true),
            ("registry.example.com:443", "registry.example.com/app", true),
            ("registry.example.com", "registry.example.com:0443/app", true),
            ("registry.example.com", "registry.example.com:5000/app", false),
            ("registry.example.com:5000", "registry.example.com:5000/app", true),
            ("registry.example.com:5000", "registry.example.com/app", false),
            ("registry.example.com", "registry.example.com.evil.net/app", false),
            ("registry.example.com", "xregistry.example.com/app", false),
            ("registry.example.com", "evil.net/registry.example.com/app", false),
            ("example.com", "registry.example.com/app", false),
            ("docker.io", "nginx", true),
            ("docker.io", "DOCKER.IO/team/app", true),
            ("docker.io", "docker.io.evil.net/nginx", false),
            ("docker.io", "index.docker.io/nginx", true),
            ("docker.io/library", "nginx:1", true),
            ("docker.io/library", "library/nginx", true),
            ("docker.io/library/", "nginx", true),
            ("docker.io/library", "library2/nginx", false),
            ("docker.io/library", "team/library", false),
            ("docker.io/library/nginx", "nginx:1", true),
            ("docker.io/library/nginx", "nginx-evil", false),
            ("*.example.com", "a.example.com/x", true),
            ("*.example.com", "a.b.example.com/x", false),
            ("*.example.com", "example.com/x", false),
            ("*.example.com", "aexample.com/x", false),
            ("**.example.com", "a.b.example.com/x", true),
            ("**.example.com", "a.example.com/x", true),
            ("**.example.com", "example.com/x", false),
            ("**.example.com", "evil-example.com/x", false),
            ("123.dkr.ecr.*.amazonaws.com", "123.dkr.ecr.eu-west-1.amazonaws.com/x", true),
            ("123.dkr.ecr.*.amazonaws.com", "666.dkr.ecr.eu-west-1.amazonaws.com/x", false),
            ("ghcr.io/*/base", "ghcr.io/team/base/x", true),
            ("ghcr.io/*/base", "ghcr.io/team/other", false),
            (
                "ghcr.io/team",
                "ghcr.io/team/a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                true,
            ),
            ("ghcr.io/team", "ghcr.io/Team/a", false),
            ("**", "any.host.example/x", true),
            ("localhost", "localhost/bb:1", true),
            ("[::1]:5000", "[::1]:5000/x", true),
            ("[::1]:5000", "[::1]/x", false),
        ] {
            let Ok(Image::Named(_)) = Image::parse(image) else {
                assert!(!matches, "{image} is no image");
                continue;
            };
            assert_eq!(judge(&[pattern], &[], image) == Trust::Trusted, matches, "{pattern} {image}");
        }
    }

    #[test]
    fn untrusted_wins_and_unset_is_unknown() {
        assert_eq!(judge(&[], &[], "nginx"), Trust::Unknown);
        assert_eq!(judge(&["ghcr.io"], &[], "nginx"), Trust::Untrusted);
        assert_eq!(judge(&["**"], &["docker.io"], "nginx"), Trust::Untrusted);
        assert_eq!(judge(&["docker.io/library/nginx"], &["**"], "nginx"), Trust::Untrusted);
        assert_eq!(judge(&[], &["docker.io"], "ghcr.io/x/y"), Trust::Unknown);
        assert_eq!(judge(&[], &["docker.io"], "registry-1.docker.io/library/nginx"), Trust::Untrusted);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in [
            "",
            "/",
            "https://x.com",
            "x.com:port",
            "x.com/a:1",
            "x..com",
            "a.**.com",
            "re*.com",
            "x.com/a//b",
            "a b",
            "x.com/*a",
        ] {
            assert!(Registries::new(&[pattern.to_owned()], &[]).is_err(), "{pattern}");
        }
        let said = Registries::new(&[], &["https://x".to_owned()]).unwrap_err().to_string();
        assert!(said.starts_with("'https://x' is no registry; give a host"), "{said}");
    }

    proptest! {
        #[test]
        fn nothing_before_or_behind_a_host_makes_it_trusted(more in "[a-z0-9.-]{1,12}") {
            for host in [format!("docker.io{more}"), format!("{more}docker.io"), format!("{more}/docker.io")] {
                if let Ok(Image::Named(reference)) = Image::parse(&format!("{host}/x")) {
                    let registries = Registries::new(&["docker.io/library".to_owned()], &[]).unwrap();
                    let is_hub = reference.registry.eq_ignore_ascii_case("docker.io");
                    prop_assert!(is_hub || registries.judge(&reference) != Trust::Trusted, "{}", host);
                }
            }
        }
    }
}
