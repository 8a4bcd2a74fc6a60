//! Looks for all secrets of a text, by all that is known of them.

use std::ops::Range;

use super::formats;
use super::hints::{Hint, Hints};
use super::kinds::{Kind, Secret};
use super::lines;
use super::named;
use super::patterns::{MAX_SECRETS, whole_characters};
use super::private_key;
use super::random;
use super::sql;
use super::stdin;
use super::text::Text;
use super::url;
use super::words;

/// The secrets of a text, in order and without overlaps.
pub fn find(text: &Text<'_>, hints: &Hints) -> Vec<Secret> {
    let mut secrets = direct(text, hints);
    let is_secret = |clear: &str| hints.may_be_in(clear) && !direct(&Text::new(clear), hints).is_empty();
    random::find(text, &is_secret, &mut secrets);
    merged(text.all, secrets)
}

/// Those that are not written in another way.
fn direct(text: &Text<'_>, hints: &Hints) -> Vec<Secret> {
    let commands = words::commands(text);
    let harmless: Vec<Range<usize>> =
        commands.iter().flat_map(|command| hints.programs().harmless(text, command)).collect();
    let mut secrets = hinted(text, hints);
    secrets.retain(|secret| {
        !harmless.iter().any(|option| secret.span.start > option.start && secret.span.start <= option.end + 2)
    });
    for command in &commands {
        hints.programs().find(text, command, &mut secrets);
    }
    stdin::find(text, &commands, &mut secrets);
    secrets
}

/// Those with something known directly before them, or at their beginning.
fn hinted(text: &Text<'_>, hints: &Hints) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = Vec::new();
    // Where what was found last ends: a secret may hold names and signs itself.
    let (mut name_end, mut url_end, mut format_end, mut key_end) = (0, 0, 0, 0);
    let (mut named, mut foreign_end) = (0, 0);
    hints.each(text.all, |hint, place| {
        let mut found = None;
        match hint {
            Hint::Name if place.start >= name_end => {
                sql::insert(text, &place, &mut secrets);
                found = sql::set_for(
                    text,
                    place.end + if text.part(place.clone()).eq_ignore_ascii_case("pass") { 4 } else { 0 },
                );
                if found.is_none() {
                    let (after, secret) = named::at(text, place);
                    name_end = secret.as_ref().map_or(after, |secret| after.max(secret.span.end));
                    named += usize::from(secret.is_some());
                    found = secret;
                }
            }
            Hint::Foreign if place.start >= foreign_end => {
                let (after, secret) = named::at(text, place);
                foreign_end = secret.as_ref().map_or(after, |secret| after.max(secret.span.end));
                found = secret;
            }
            Hint::Format(number) if place.start >= format_end => {
                if let Some(span) = formats::find(text.all, number, place.start) {
                    format_end = span.end;
                    found = Some(Secret { span, kind: Kind::Token });
                }
            }
            Hint::Url if place.start < url_end => url::find_user(text, place.start, url_end, &mut secrets),
            Hint::Url => url_end = url::find(text, place.start, &mut secrets),
            Hint::Identified => found = sql::identified(text, place.end),
            Hint::PrivateKey if place.start >= key_end => {
                found = private_key::find(text, place.end);
                key_end = found.as_ref().map_or(key_end, |secret| secret.span.end);
            }
            Hint::Fields => found = lines::pgpass(text, place),
            Hint::Call => sql::call(text, &place, &mut secrets),
            Hint::Address => found = lines::address(text, place.start),
            _ => {}
        }
        secrets.extend(found);
        named > MAX_SECRETS || secrets.len() > 16 * MAX_SECRETS
    });
    secrets
}

/// In order and without overlaps; where there are too many, the last takes all behind it.
pub fn merged(text: &str, mut secrets: Vec<Secret>) -> Vec<Secret> {
    for secret in &mut secrets {
        secret.span = whole_characters(text, secret.span.clone());
    }
    secrets.retain(|secret| secret.span.start < secret.span.end);
    secrets.sort_by_key(|secret| (secret.span.start, std::cmp::Reverse(secret.span.end)));
    let mut merged: Vec<Secret> = Vec::with_capacity(secrets.len());
    for secret in secrets {
        match merged.last_mut() {
            Some(last) if secret.span.start < last.span.end => last.span.end = last.span.end.max(secret.span.end),
            _ => merged.push(secret),
        }
    }
    if merged.len() > MAX_SECRETS {
        merged.truncate(MAX_SECRETS);
        if let Some(last) = merged.last_mut() {
            last.span.end = text.len();
        }
    }
    merged
}
