//! Points in time in the forms that `docker events --since` and `--until` take.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// Why a time was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no time; write a span such as 10m or 1h30m (before now), a date such as 2026-11-20T23:27:00Z (without \
     zone: local), or seconds since 1970 such as 1795217220.5"
)]
pub struct TimeError(pub String);

/// Reads a time: a Go duration means that long before `now`, a date without a zone is in `zone`.
///
/// # Errors
/// Where it has none of the forms.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, TimeError> {
    let refused = || TimeError(text.to_owned());
    if let Some((seconds, nanoseconds)) = unix_seconds(text) {
        let seconds = seconds.parse().map_err(|_| refused())?;
        return Timestamp::new(seconds, nanoseconds).map_err(|_| refused());
    }
    if let Some((after, span)) = go_duration(text) {
        return if after { now.checked_add(span) } else { now.checked_sub(span) }.map_err(|_| refused());
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    // Docker's short forms end after minutes, hours or the day.
    let padded = match text.rsplit_once('T') {
        Some((_, time)) if time.len() == 2 => format!("{text}:00:00"),
        _ => text.to_owned(),
    };
    let date: civil::DateTime = match padded.strip_suffix('Z') {
        Some(utc) => {
            let date: civil::DateTime = utc.parse().map_err(|_| refused())?;
            return date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| refused());
        }
        None => padded.parse().map_err(|_| refused())?,
    };
    date.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|_| refused())
}

/// The form that every Docker engine takes: seconds with nine decimals.
#[must_use]
pub fn for_docker(at: Timestamp) -> String {
    // The engine reads no sign before the decimals, and has no events from before 1970.
    let at = at.max(Timestamp::UNIX_EPOCH);
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond())
}

/// The form in which Podman keeps all digits.
#[must_use]
pub fn for_podman(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// Seconds since 1970 with up to nine decimals: the digits of the seconds, and the nanoseconds.
fn unix_seconds(text: &str) -> Option<(&str, i32)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 9 || text.ends_with('.') {
        return None;
    }
    let nanoseconds = format!("{decimals:0<9}").parse::<i32>().ok()?;
    Some((whole, nanoseconds))
}

/// Go's durations: `1h30m`, `1.5h`, `-10s`; the first part tells a negative one, which lies after now.
fn go_duration(text: &str) -> Option<(bool, Duration)> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some((negative, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_docker_takes() {
        let now: Timestamp = "2026-11-21T12:00:00.5Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        for (text, expected) in [
            ("10m", "2026-11-21T11:50:00.5Z"),
            ("1h30m", "2026-11-21T10:30:00.5Z"),
            ("1.5s", "2026-11-21T11:59:59Z"),
            ("-10s", "2026-11-21T12:00:10.5Z"),
            ("500ms", "2026-11-21T12:00:00Z"),
            ("0s", "2026-11-21T12:00:00.5Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("1795217220", "2026-11-20T23:27:00Z"),
            ("1795217220.632019339", "2026-11-20T23:27:00.632019339Z"),
            ("1795217220.5", "2026-11-20T23:27:00.5Z"),
            ("2026-11-20T23:27:00Z", "2026-11-20T23:27:00Z"),
            ("2026-11-20T23:27:00.123456789+01:00", "2026-11-20T22:27:00.123456789Z"),
            ("2026-11-20T23:27:00", "2026-11-20T21:27:00Z"),
            ("2026-11-20T23:27", "2026-11-20T21:27:00Z"),
            ("2026-11-20T23", "2026-11-20T21:00:00Z"),
            ("2026-11-20", "2026-11-19T22:00:00Z"),
            ("2026-11-20Z", "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(parse(text, now, &zone), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_the_forms_it_takes() {
        let now = Timestamp::UNIX_EPOCH;
        for text in
            ["", "abc", "10", "1.", "-", "10x", "m", "1h-5m", "99999999999999999999", "2026-13-01", "1.1234567891"]
        {
            let parsed = parse(text, now, &TimeZone::UTC);
            if text == "10" {
                assert_eq!(parsed.unwrap().as_second(), 10);
            } else {
                assert_eq!(parsed, Err(TimeError(text.to_owned())));
            }
        }
    }

    #[test]
    fn writes_what_the_engines_read() {
        let at: Timestamp = "2026-11-20T23:27:00.000000039Z".parse().unwrap();
        assert_eq!(for_docker(at), "1795217220.000000039");
        assert_eq!(for_podman(at), "2026-11-20T23:27:00.000000039Z");
        assert_eq!(for_docker("1969-12-31T23:59:59.5Z".parse().unwrap()), "0.000000000");
    }
}
