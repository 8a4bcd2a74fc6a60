//! Image references: where an image comes from, in parts.
//!
//! The grammar is that of the distribution project (`reference` package), which Docker, containerd and Podman share:
//!
//! ```text
//! reference := [registry "/"] repository [":" tag] ["@" digest]
//! registry  := host [":" port]            host: a name, an IPv4 address, an IPv6 address in brackets
//! repository:= component *["/" component] component: small letters and digits, joined by . _ __ or any number of -
//! tag       := at most 128 letters, digits, _ . -     digest := algorithm ":" at least 32 hexadecimal digits
//! ```
//!
//! Short forms are Docker Hub's: `nginx` is `docker.io/library/nginx`, `team/app` is `docker.io/team/app`. The first
//! part is a registry only where it holds a dot, a colon or a capital letter, or is `localhost`.

use std::borrow::Cow;
use std::fmt;

/// The registry of the short forms.
pub const HUB: &str = "docker.io";

/// The longest repository with its registry, in bytes.
const LONGEST_NAME: usize = 255;

/// The longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// What an engine calls an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image<'a> {
    /// By where it comes from.
    Named(Reference<'a>),
    /// By what it is: its id, with or without `sha256:`.
    Id(&'a str),
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Host and port.
    pub registry: Cow<'a, str>,
    /// The path in the registry.
    pub repository: Cow<'a, str>,
    /// The tag, where one was given.
    pub tag: Option<&'a str>,
    /// The digest, where one was given.
    pub digest: Option<&'a str>,
}

/// Why a text is no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing is there.
    #[error("an image's name is empty; give one such as registry.example.com/team/app:1.0")]
    Empty,
    /// The host or port is none.
    #[error("an image's registry is no host with an optional port; look at what is before the first slash")]
    Registry,
    /// The repository is none.
    #[error("an image's repository may hold small letters, digits and single . _ __ - between them, no more")]
    Repository,
    /// Registry and repository are too long.
    #[error("an image's name is longer than 255 bytes")]
    TooLong,
    /// The tag is none.
    #[error("an image's tag may hold up to 128 letters, digits and . _ -, and may not begin with . or -")]
    Tag,
    /// The digest is none.
    #[error("an image's digest must be an algorithm, a colon and at least 32 hexadecimal digits")]
    Digest,
}

impl<'a> Image<'a> {
    /// Reads what an engine or a person calls an image.
    ///
    /// # Errors
    /// Where it is neither an id nor a reference.
    pub fn parse(text: &'a str) -> Result<Self, ImageError> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        let id = text.strip_prefix("sha256:").unwrap_or(text);
        if id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(Self::Id(text));
        }
        Reference::parse(text).map(Self::Named)
    }
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Result<Self, ImageError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(ImageError::Digest);
        }
        let (registry, path) = split_registry(rest);
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ImageError::Tag);
        }
        if registry.is_some_and(|registry| !is_registry(registry)) {
            return Err(ImageError::Registry);
        }
        if !repository.split('/').all(is_component) {
            return Err(ImageError::Repository);
        }
        let registry = match registry {
            None | Some("index.docker.io") => HUB,
            Some(registry) => registry,
        };
        let repository = if registry == HUB && !repository.contains('/') {
            Cow::Owned(format!("library/{repository}"))
        } else {
            Cow::Borrowed(repository)
        };
        if registry.len() + 1 + repository.len() > LONGEST_NAME {
            return Err(ImageError::TooLong);
        }
        Ok(Self { registry: Cow::Borrowed(registry), repository, tag, digest })
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// What is before the first slash, where that is a registry.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, path))
            if first == "localhost"
                || first.contains(['.', ':', '['])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (Some(first), path)
        }
        _ => (None, text),
    }
}

/// A host and its port, where it has one; the colons of an IPv6 address in brackets are its own.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = split_port(text);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| {
            !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
        }),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_component(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().copied().is_some_and(is_plain) || !bytes.last().copied().is_some_and(is_plain) {
        return false;
    }
    let mut separators = bytes.split(|byte| is_plain(*byte)).filter(|between| !between.is_empty());
    separators.all(|between| matches!(between, b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= LONGEST_TAG
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hash)) = text.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    algorithm.split(['+', '.', '-', '_']).all(is_part)
        && hash.len() >= 32
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> String {
        match Image::parse(text) {
            Ok(Image::Named(Reference { registry, repository, tag, digest })) => {
                format!("{registry} {repository} {} {}", tag.unwrap_or("-"), digest.map_or("-", |digest| &digest[..10]))
            }
            Ok(Image::Id(_)) => "id".to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn reads_the_fields_grammar() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let id = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            // Docker Hub's short forms.
            ("nginx", "docker.io library/nginx - -"),
            ("nginx:1.27", "docker.io library/nginx 1.27 -"),
            ("team/app", "docker.io team/app - -"),
            ("library/nginx", "docker.io library/nginx - -"),
            ("docker.io/nginx", "docker.io library/nginx - -"),
            ("index.docker.io/nginx", "docker.io library/nginx - -"),
            ("docker.io/library/nginx:latest", "docker.io library/nginx latest -"),
            ("aa/asdf$$^/aa", "Repository"),
            ("a_b/c__d/e-f/g---h.i", "docker.io a_b/c__d/e-f/g---h.i - -"),
            // Registries.
            ("localhost/bb:1", "localhost bb 1 -"),
            ("localhost:5000/team/app", "localhost:5000 team/app - -"),
            ("127.0.0.1:5000/bb:2", "127.0.0.1:5000 bb 2 -"),
            ("[::1]:5000/app", "[::1]:5000 app - -"),
            ("[2001:db8::1]/app:v1", "[2001:db8::1] app v1 -"),
            ("registry.example.com/a/b/c:1.0-rc.1_x", "registry.example.com a/b/c 1.0-rc.1_x -"),
            ("Registry/app", "Registry app - -"),
            ("xn--n3h.com/app", "xn--n3h.com app - -"),
            ("host:8080/app", "host:8080 app - -"),
            ("docker.io.evil.example/nginx", "docker.io.evil.example nginx - -"),
            ("DOCKER.IO/nginx", "DOCKER.IO nginx - -"),
            // Digests.
            (&format!("nginx@{digest}"), "docker.io library/nginx - sha256:012"),
            (&format!("reg.io/app:1@{digest}"), "reg.io app 1 sha256:012"),
            ("app@sha256:0123", "Digest"),
            ("app@sha256", "Digest"),
            (&format!("app@{digest}@{digest}"), "Digest"),
            (&format!("app@sha256+b64u:{}", "ab".repeat(16)), "docker.io library/app - sha256+b64"),
            // Ids.
            (&id, "id"),
            (&digest, "id"),
            (&id[..12], "docker.io library/0123456789ab - -"),
            // What is none.
            ("", "Empty"),
            ("Nginx", "Repository"),
            ("nginx:", "Tag"),
            (":1", "Repository"),
            ("nginx:-x", "Tag"),
            ("nginx:a b", "Tag"),
            ("a//b", "Repository"),
            ("a/", "Repository"),
            ("/a", "Repository"),
            ("a..b", "Repository"),
            ("a___b", "Repository"),
            ("-a", "Repository"),
            ("a-", "Repository"),
            ("-host.com/a", "Registry"),
            ("host:/a", "Registry"),
            ("host:port/a", "Registry"),
            ("[::1/a", "Registry"),
            ("[fe80::1%25eth0]/a", "Registry"),
            ("a b/c", "Repository"),
            ("user:secret@host.com/a", "Digest"),
            ("https://host.com/a", "Registry"),
            ("nginx\u{0}", "Repository"),
            ("ngіnx", "Repository"),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
        assert_eq!(parts(&format!("reg.io/{}", "a".repeat(248))), format!("reg.io {} - -", "a".repeat(248)));
        assert_eq!(parts(&format!("reg.io/{}", "a".repeat(249))), "TooLong");
        assert_eq!(parts(&format!("a:{}", "t".repeat(129))), "Tag");
    }

    /// The cases by which the grammar's own project tests its parsers, in the form of this one.
    #[test]
    fn agrees_with_the_grammars_own_cases() {
        let (sha256, sha512) = ("f".repeat(64), "f".repeat(128));
        let deep = format!("{}a", "a/".repeat(122));
        let too_deep = format!("{}a:tag", "a/".repeat(128));
        for (text, expected) in [
            ("test_com", "docker.io library/test_com - -"),
            ("test.com:tag", "docker.io library/test.com tag -"),
            ("test.com:5000", "docker.io library/test.com 5000 -"),
            ("test.com/repo:tag", "test.com repo tag -"),
            ("test:5000/repo", "test:5000 repo - -"),
            ("test:5000/repo:tag", "test:5000 repo tag -"),
            (&format!("test:5000/repo@sha256:{sha256}"), "test:5000 repo - sha256:fff"),
            (&format!("test:5000/repo:tag@sha256:{sha256}"), "test:5000 repo tag sha256:fff"),
            (
                &format!("xn--7o8h.com/myimage:xn--7o8h.com@sha512:{sha512}"),
                "xn--7o8h.com myimage xn--7o8h.com sha512:fff",
            ),
            (&format!("@sha256:{sha256}"), "Repository"),
            ("repo@sha256:ffffffffffffffffffffffffffffffffff", "docker.io library/repo - sha256:fff"),
            ("validname@invaliddigest:fff", "Digest"),
            ("Uppercase:tag", "Repository"),
            ("test:5000/Uppercase/lowercase:tag", "Repository"),
            ("lowercase:Uppercase", "docker.io library/lowercase Uppercase -"),
            ("Uppercase/lowercase:tag", "Uppercase lowercase tag -"),
            (&deep, &format!("docker.io {deep} - -")),
            (&too_deep, "TooLong"),
            ("sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com bar/baz/quux some-long-tag -"),
            (
                "b.gcr.io/test.example.com/my-app:test.example.com",
                "b.gcr.io test.example.com/my-app test.example.com -",
            ),
            ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com myimage xn--n3h.com -"),
            ("foo_bar.com:8080", "docker.io library/foo_bar.com 8080 -"),
            ("foo/foo_bar.com:8080", "docker.io foo/foo_bar.com 8080 -"),
            ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000 repo 5050 -"),
            ("[2001:db8:1:2:3:4:5:6]:5000/repo", "[2001:db8:1:2:3:4:5:6]:5000 repo - -"),
            ("[2001:db8::1]/repo:tag", "[2001:db8::1] repo tag -"),
            ("[2001:db8::1/repo", "Registry"),
            ("[2001:db8:1:2:3:4:5:6::5000/repo", "Registry"),
            ("[fe80::1%eth0]:5000/repo", "Registry"),
            ("[fe80::1%@invalidzone]:5000/repo", "Digest"),
            ("foo.com/-repo", "Repository"),
            ("foo.com/a-/a/a", "Repository"),
            ("-foo/bar", "Repository"),
            ("foo-/bar", "Repository"),
            ("foo/bar-", "Repository"),
            ("____/____", "Repository"),
            ("_docker/_docker", "Repository"),
            ("do__cker/docker", "docker.io do__cker/docker - -"),
            ("do__cker:8080/docker", "Registry"),
            ("foo_bar.com:8080/app", "Registry"),
            ("docker./docker", "Registry"),
            (".docker/docker", "Registry"),
            ("do..cker/docker", "Registry"),
            ("example.com/nodouble..dots/myimage", "Repository"),
            ("example.com/__underscore/myimage", "Repository"),
            ("example.com/some_separator__underscore/myimage", "example.com some_separator__underscore/myimage - -"),
            ("docker///docker", "Repository"),
            ("docker.io/docker/Docker", "Repository"),
            ("docker/docker:latest:tag", "Tag"),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_it_writes_it_reads_again(
            text in "([a-zA-Z0-9.-]{1,9}(:[0-9]{1,4})?/)?[a-z0-9._-]{1,9}(/[a-z0-9._-]{1,9})?(:[a-zA-Z0-9._-]{1,9})?(@sha256:[0-9a-f]{64})?",
        ) {
            if let Ok(Image::Named(reference)) = Image::parse(&text) {
                let written = reference.to_string();
                prop_assert_eq!(Image::parse(&written), Ok(Image::Named(reference)));
            }
        }
    }
}
