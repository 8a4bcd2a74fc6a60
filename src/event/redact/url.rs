//! Secrets in URLs: passwords and tokens before the host, and tokens in paths of webhooks and bots. Those in queries are
//! found by their names.

use std::ops::Range;

use super::kinds::{Kind, Secret};
use super::text::{Text, is_blank};
use super::value::{is_reference, is_suspicious, looks_random};

/// Where tokens stand in paths: what is before them, and how many parts of the path they are.
static PATHS: &[(&str, usize)] = &[
    ("hooks.slack.com/services/", 3),
    ("hooks.slack.com/workflows/", 4),
    ("hooks.slack.com/triggers/", 3),
    ("hooks.slack-gov.com/services/", 3),
    ("/api/webhooks/", 2),
    ("api.telegram.org/bot", 1),
    ("/webhookb2/", 5),
    ("outlook.office.com/webhook/", 5),
    ("hooks.zapier.com/hooks/catch/", 2),
    ("/with/key/", 1),
    ("/bot/v2/hook/", 1),
    ("hc-ping.com/", 1),
    ("cronitor.link/p/", 2),
    ("nosnch.in/", 1),
    ("webhook.site/", 1),
    ("hook.eu1.make.com/", 1),
    ("hook.us1.make.com/", 1),
    ("hook.eu2.make.com/", 1),
    ("hook.integromat.com/", 1),
    ("events.pagerduty.com/integration/", 1),
    ("/integrations/generic/", 3),
    ("/webhooks/incoming/", 1),
    ("discord.com/api/v10/webhooks/", 2),
    ("/incomingwebhook/", 2),
    ("hooks.nabu.casa/", 1),
    ("/hooks/", 2),
    ("/webhook/", 2),
    ("/webhooks/", 2),
    ("pushover.net/", 2),
    ("rocket.chat/hooks/", 2),
    ("/generic-webhook-trigger/invoke/", 1),
    ("api.opsgenie.com/v1/json/", 1),
    ("infura.io/v3/", 1),
    ("alchemy.com/v2/", 1),
    ("alchemyapi.io/v2/", 1),
    ("/api/push/", 1),
    ("gotify/message/", 1),
    ("conda.anaconda.org/t/", 1),
    ("/t/", 1),
];

/// Passwords that say that the user before them is a token.
const FILLERS: [&str; 7] = ["", "x", "X", "x-oauth-basic", "unused", "api_token", "@"];

/// Adds the secrets of a URL whose `://` begins here; where its word ends.
pub fn find(text: &Text<'_>, colon: usize, secrets: &mut Vec<Secret>) -> usize {
    let end = word_end(text, colon + "://".len());
    find_user(text, colon, end, secrets);
    find_in_path(text, colon + "://".len(), end, secrets);
    end
}

/// Adds the secrets before the host of a URL, whose word ends here; it may be one in another.
pub fn find_user(text: &Text<'_>, colon: usize, end: usize, secrets: &mut Vec<Secret>) {
    let from = colon + "://".len();
    let whole = text.part(from..end);
    let is_end = |c: char| matches!(c, ':' | '/' | '?' | '#' | '@' | '"' | '\'' | '<' | '>');
    let user = whole.get(..whole.find(is_end).unwrap_or(whole.len())).unwrap_or_default();
    let after = from + user.len();
    match text.byte(after) {
        Some(b':') => find_password(text, (from, after, end), secrets),
        // A user alone is a token where it is as long as one.
        Some(b'@') if is_token(user) || is_short_token(text, colon, user) => {
            secrets.push(Secret { span: from..after, kind: Kind::Url });
        }
        _ => {}
    }
}

/// The word that a URL is: up to a blank or a quote.
fn word_end(text: &Text<'_>, from: usize) -> usize {
    let limit = text.limit(from);
    let is_part = |byte: &u8| !is_blank(*byte) && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>');
    from + text.bytes().iter().take(limit).skip(from).take_while(|byte| is_part(byte)).count()
}

fn is_token(user: &str) -> bool {
    user.len() >= 20 && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        || (user.len() >= 12 && looks_random(user))
}

/// Whether a user of a protocol that knows tokens is one.
fn is_short_token(text: &Text<'_>, colon: usize, user: &str) -> bool {
    let scheme = text.part(colon.saturating_sub(8)..colon);
    let has_users =
        ["http", "https", "ssh", "git", "ftp", "ftps", "sftp", "svn", "smtp", "ldap", "ldaps", "smb", "rsync"]
            .iter()
            .any(|known| scheme.ends_with(known));
    user.len() >= 8 && !has_users && looks_random(user)
}

/// Adds the password between these places.
fn find_password(text: &Text<'_>, (start, colon, end): (usize, usize, usize), secrets: &mut Vec<Secret>) {
    let rest = text.part(colon + 1..end);
    let authority = rest.get(..rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or_default();
    let is_port = !authority.is_empty() && authority.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = |rest: &str| {
        rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '[' | '$' | '{' | '/' | '(' | '?' | '<'))
    };
    // A password that nobody has encoded may have slashes in it.
    let at = authority.rfind('@').or_else(|| {
        let before = rest.get(..rest.find("://").unwrap_or(rest.len())).unwrap_or_default();
        before.rfind('@').filter(|at| !is_port && is_host(rest.get(at + 1..).unwrap_or_default()))
    });
    let Some(at) = at else { return };
    let password = rest.get(..at).unwrap_or_default();
    let user = text.part(start..colon);
    if FILLERS.contains(&password) && user.len() >= 8 {
        secrets.push(Secret { span: start..colon, kind: Kind::Url });
    }
    if !password.is_empty() && !is_reference(password, text.is_script) && !password.starts_with("${") {
        secrets.push(Secret { span: colon + 1..colon + 1 + at, kind: Kind::Url });
        if user.len() >= 20 && looks_random(user) {
            secrets.push(Secret { span: start..colon, kind: Kind::Url });
        }
    }
}

/// Adds the tokens in the path of a webhook or a bot.
fn find_in_path(text: &Text<'_>, from: usize, end: usize, secrets: &mut Vec<Secret>) {
    /// No URL of a webhook is longer.
    const LONGEST: usize = 512;
    let end_of_url = (from + LONGEST).min(end);
    let whole = text
        .bytes()
        .get(from..end_of_url)
        .map(|bytes| String::from_utf8_lossy(bytes).to_ascii_lowercase())
        .unwrap_or_default();
    if whole.len() != end_of_url - from {
        return;
    }
    let Some((before, parts)) = PATHS.iter().find(|(before, _)| whole.contains(before)) else { return };
    let mut at = whole.find(before).unwrap_or_default() + before.len();
    let path_end = whole.find(['?', '#']).unwrap_or(whole.len());
    for _ in 0..*parts {
        let Some(rest) = whole.get(at..path_end).filter(|rest| !rest.is_empty()) else { break };
        let length = rest.find('/').unwrap_or(rest.len());
        let span: Range<usize> = from + at..from + at + length;
        let part = text.part(span.clone());
        let is_generic = before.starts_with('/') && (*parts == 2 || *before == "/t/");
        let is_secret =
            if is_generic { part.len() >= 12 && (looks_random(part) || is_suspicious(part)) } else { part.len() >= 6 };
        if is_secret
            && !is_reference(part, text.is_script)
            && part.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        {
            secrets.push(Secret { span, kind: Kind::Url });
        }
        at += length + 1;
    }
}
