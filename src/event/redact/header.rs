//! Headers of HTTP: which are known to hold no secret, and where the secret of any other is.

use std::ops::Range;

use super::text::{Text, is_blank};
use super::value::is_option;

/// Headers whose values are no secrets. All others are taken for secret where a client is given one.
static HARMLESS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "accept-datetime",
    "age",
    "allow",
    "a-im",
    "cache-control",
    "connection",
    "date",
    "dav",
    "depth",
    "destination",
    "dnt",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "lock-token",
    "max-forwards",
    "metadata",
    "metadata-flavor",
    "mime-version",
    "name",
    "origin",
    "overwrite",
    "pragma",
    "prefer",
    "priority",
    "range",
    "referer",
    "referrer",
    "refresh",
    "retry-after",
    "save-data",
    "server",
    "slug",
    "soapaction",
    "te",
    "timeout",
    "title",
    "tags",
    "click",
    "delay",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "uber-trace-id",
    "idempotency-key",
    "icy-metadata",
    "kbn-xsrf",
    "osd-xsrf",
    "circuit-id",
    "ce-type",
    "ce-source",
    "ce-id",
    "ce-specversion",
    "hx-request",
    "docker-content-digest",
    "nats-msg-id",
    "notion-version",
    "square-version",
    "stripe-version",
    "stripe-account",
    "x-requested-with",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-user",
    "x-real-ip",
    "x-request-id",
    "x-correlation-id",
    "x-trace-id",
    "x-http-method-override",
    "x-http-method",
    "x-scope-orgid",
    "x-vault-namespace",
    "x-vault-request",
    "x-aws-ec2-metadata-token-ttl-seconds",
    "x-amz-date",
    "x-amz-acl",
    "x-amz-target",
    "x-amz-content-sha256",
    "x-ms-blob-type",
    "x-ms-date",
    "x-ms-version",
    "x-ms-client-request-id",
    "x-goog-user-project",
    "x-goog-acl",
    "x-github-api-version",
    "x-github-event",
    "x-gitlab-event",
    "x-hub-signature",
    "x-api-version",
    "x-debug",
    "x-original-url",
    "x-rewrite-url",
    "x-host",
    "x-originating-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "x-atlassian-token",
    "x-prometheus-remote-write-version",
    "x-clickhouse-user",
    "x-clickhouse-database",
    "x-clickhouse-format",
    "x-consul-namespace",
    "x-nomad-namespace",
    "x-docker-token-ttl",
    "x-kubernetes-pf-flowschema-uid",
];

/// Beginnings of such names.
static BEGINNINGS: &[&str] = &[
    "content-",
    "access-control-",
    "sec-",
    "x-b3-",
    "grpc-",
    "accept-",
    "if-",
    "x-envoy-",
    "cf-ipcountry",
    "x-datadog-",
    "x-tenant",
    "x-test",
    "x-custom-",
    "x-example",
];

/// Ends of such names.
static ENDINGS: &[&str] = &[
    "-version",
    "-type",
    "-encoding",
    "-language",
    "-date",
    "-length",
    "-format",
    "-timeout",
    "-user",
    "-username",
    "-org",
    "-organization",
    "-project",
    "-namespace",
    "-region",
    "-source",
    "-name",
    "-host",
    "-ttl-seconds",
    "-email",
];

/// Whether the values of a header are known to be no secrets.
pub fn is_harmless(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    HARMLESS.contains(&name.as_str())
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a header is one of those that carry who somebody is, in which a scheme may stand before the secret.
pub fn is_known(name: &str) -> bool {
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "cookie2", "x-authorization", "www-authorization"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a text begins like a header, and its name.
pub fn name(header: &str) -> Option<&str> {
    let (name, _) = header.split_once(':')?;
    let name = name.trim_end();
    let is_name = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_name.then_some(name)
}

/// The secret in the value of a header that begins here; the header stands alone in quotes or an argument where it ends
/// at a place that is known.
pub fn value(text: &Text<'_>, name: &str, from: usize, end: Option<usize>) -> Range<usize> {
    let limit = end.unwrap_or_else(|| text.limit(from));
    let word = |from: usize| {
        let start = text.skip_blanks(from).min(limit);
        let length = text.bytes().iter().take(limit).skip(start).take_while(|byte| !is_blank(**byte)).count();
        start..start + length
    };
    let mut first = word(from);
    let next = word(first.end);
    let has_scheme = name.to_ascii_lowercase().contains("auth");
    if has_scheme && is_scheme(text.part(first.clone())) && next.start < next.end && is_value(text.part(next.clone())) {
        first = next;
    }
    let mut last = first.clone();
    if end.is_some() {
        last.end = limit;
    }
    // Cookies and the parts of a digest go on.
    while last.end < limit && matches!(text.before(last.end), Some(b';' | b',')) {
        let next = word(last.end);
        if next.start >= next.end || !is_value(text.part(next.clone())) {
            break;
        }
        last = next;
    }
    let whole = text.part(first.start..last.end);
    let kept = whole.trim_end_matches(['"', '\'', ',', ';', '\\', ' ', '\n']).len();
    let start = whole.len() - whole.trim_start_matches(['"', '\'']).len();
    first.start + start.min(kept)..first.start + kept
}

/// Whether a word is the name of a scheme: `Basic`, `Bearer`, `AWS4-HMAC-SHA256`, `GenieKey`.
fn is_scheme(word: &str) -> bool {
    word.len() <= 20
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && (word.bytes().filter(u8::is_ascii_digit).count() < 3 || word.starts_with("AWS"))
}

fn is_value(word: &str) -> bool {
    !is_option(word) && !word.starts_with("http://") && !word.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_header_is_what_follows_its_scheme() {
        for (line, expected) in [
            ("Authorization: Bearer abc http://x", "abc"),
            ("Authorization: abc -v", "abc"),
            ("Authorization: Digest username=\"a\", response=\"b\" http://x", "username=\"a\", response=\"b"),
            ("Cookie: a=b; c=d http://x", "a=b; c=d"),
            ("X-Api-Key: abc", "abc"),
        ] {
            let text = Text::new(line);
            let from = line.find(':').unwrap() + 1;
            assert_eq!(text.part(value(&text, name(line).unwrap(), from, None)), expected);
        }
        assert!(is_harmless("Content-Type") && is_harmless("X-Request-ID") && !is_harmless("X-Foo"));
    }
}
