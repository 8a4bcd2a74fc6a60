//! Which values are no secret: what only says where one is, what turns something on, and what stands for something else.

use crate::event::bounds::beginning;

/// Values that are none, whatever they belong to.
const WORDS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "null",
    "nil",
    "none",
    "undefined",
    "stdin",
    "prompt",
    "auto",
    "default",
    "0",
    "1",
    "{",
    "[",
    "(",
    "\\",
    "-",
    "--",
    "|",
    "||",
    "&&",
    ";",
    "&",
    ">",
    "<",
    ">>",
    "required",
    "optional",
    "disabled",
    "enabled",
    "enable",
    "disable",
    "string",
    "str",
    "int",
    "bool",
    "\\n",
    "and",
    "or",
    "is",
    "for",
    "to",
    "*",
    "!",
    "!!",
    "file",
    "files",
    "env",
    "compat",
    "sss",
    "\\",
];

/// Words that say how somebody shows who he is, and are no secrets themselves.
const METHODS: &[&str] = &[
    "basic",
    "digest",
    "bearer",
    "token",
    "ntlm",
    "negotiate",
    "plain",
    "login",
    "any",
    "oauth",
    "oauth2",
    "oidc",
    "aws",
    "gcp",
    "azure",
    "kerberos",
    "ldap",
    "saml",
    "iam",
    "password",
    "userpass",
    "md5",
    "trust",
    "peer",
    "cert",
    "scram-sha-1",
    "scram-sha-256",
    "scram-sha-512",
    "sha256",
    "sha1",
    "sha512",
    "cram-md5",
    "mongodb-x509",
    "approle",
    "kubernetes",
    "jwt",
    "github",
    "gssapi",
    "external",
    "anonymous",
    "noauth",
    "authpriv",
    "authnopriv",
    "sys",
    "krb5",
    "tls",
    "ssl",
    "mtls",
    "psk",
    "hmac",
    "rsa",
    "key",
    "publickey",
    "keyboard-interactive",
    "admin",
];

const BEGINNINGS: &[&str] = &[
    "file:",
    "env:",
    "vault:",
    "arn:",
    "ref+",
    "op://",
    "secretref:",
    "keyvault:",
    "ssm:",
    "[redacted",
    "{{",
    "<<",
    "pass:env",
    "fd:",
    "@/",
    "@./",
    "@~",
    "@-",
    "id=",
    "src=",
    "source=",
    "projects/",
];

/// Whether a value only says where a secret is, or is none: a path, a variable, a template, a switch.
pub fn is_reference(value: &str, is_script: bool) -> bool {
    let value = value.trim_end_matches([',', ';']).trim_matches(['"', '\'', '\\']);
    if value.is_empty() {
        return true;
    }
    if value.len() > 512 {
        return false;
    }
    is_path(value)
        || (value.len() <= 12 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(value)))
        || BEGINNINGS.iter().any(|beginning| value.starts_with(beginning))
        || is_variable(value, is_script)
        || is_placeholder(value)
        || (value.starts_with('@') && value.contains('.') && value.chars().skip(1).all(is_of_path))
}

/// Whether a value is the word for a way to authenticate.
pub fn is_method(value: &str) -> bool {
    value.len() <= 24 && METHODS.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// Whether a word that follows an option is an option itself.
pub fn is_option(value: &str) -> bool {
    let Some(rest) = value.strip_prefix('-') else { return false };
    let name = rest.strip_prefix('-').unwrap_or(rest);
    let name = name.split('=').next().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '.' || c == '_');
    name.len() <= 1 || is_name || (rest.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

fn is_identifier(name: &str, is_letter: fn(char) -> bool) -> bool {
    name.starts_with(|c: char| is_letter(c) || c == '_')
        && name.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '_')
}

/// Whether a value is a variable of a shell, of a template or of Windows.
fn is_variable(value: &str, is_script: bool) -> bool {
    if let Some(name) = value.strip_prefix('$') {
        if name.starts_with(['{', '(']) {
            return true;
        }
        // What follows a name may be anything: `$HOST:$PORT`, `$TOKEN/x`.
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        let (name, rest) = name.split_at_checked(end).unwrap_or((name, ""));
        let is_one = is_identifier(name, |c| c.is_ascii_uppercase())
            || (is_script && is_identifier(name, |c| c.is_ascii_lowercase()))
            || (is_script
                && is_identifier(name, |c| c.is_ascii_alphabetic())
                && !name.contains(|c: char| c.is_ascii_digit()))
            || matches!(name, "1" | "2" | "3" | "4" | "@" | "env" | "");
        return is_one
            && (name.len() > 1 || is_script || rest.is_empty() && !name.is_empty())
            && !rest.starts_with(['!', '#', '^', '&']);
    }
    let is_percent = value.len() > 2 && value.starts_with('%') && value.ends_with('%');
    is_percent
        || (value.starts_with("%(") && value.contains(')'))
        || (value.starts_with("%{") && value.contains('}'))
        || (value.starts_with("${{"))
        || (is_script && value.len() > 1 && value.starts_with('`') && value.ends_with('`'))
        || matches!(value, "%s" | "%v" | "%d" | "%q" | "?" | ":password" | "%i")
}

/// Whether a value stands for one that a person is to put there, or hides one.
fn is_placeholder(value: &str) -> bool {
    let mut characters = value.chars();
    let first = characters.next().unwrap_or_default();
    let is_mask = matches!(first, '*' | 'x' | 'X' | '.' | '#' | '\u{2022}' | '?')
        && value.len() >= 3
        && characters.all(|c| c == first);
    let inner = value.strip_prefix('<').and_then(|value| value.split_once('>')).map(|(inner, _)| inner);
    let is_angled = inner
        .is_some_and(|inner| !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphabetic() || "-_ .".contains(c)));
    is_mask || is_angled
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || "._-/*${}+~ :".contains(c)
}

/// Whether a value is a path of a file.
pub fn is_path(value: &str) -> bool {
    let begins = ["/", "./", "~/", "../"].iter().any(|start| value.starts_with(start));
    let is_windows = value.as_bytes().get(1..3) == Some(b":\\");
    if !(begins || is_windows) || value == "/" {
        return value == "/";
    }
    let names = || value.split(['/', '\\']).filter(|name| !name.is_empty());
    let is_plain = is_windows || value.chars().all(is_of_path);
    // One name alone may as well begin with a slash by chance.
    let is_name = |name: &str| !looks_random(name);
    let is_single = names().count() <= 1;
    let is_low = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-$".contains(c));
    is_plain && names().all(is_name) && (!is_single || names().all(is_low))
}

/// Whether a word mixes letters and digits as no name does.
pub fn looks_random(word: &str) -> bool {
    let word = beginning(word, 256);
    if word.len() < 8 {
        return false;
    }
    let classes = word.bytes().map(class);
    let changes = classes.clone().zip(classes.clone().skip(1)).filter(|(a, b)| a != b).count();
    let has = |wanted: u8| classes.clone().any(|class| class == wanted);
    let kinds = usize::from(has(0)) + usize::from(has(1)) + usize::from(has(2));
    kinds >= 2 && has(2) && changes * 10 >= word.len() * if kinds == 3 { 3 } else { 4 }
}

/// Small letter, capital, digit, or other.
pub const fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// Whether a value of a name that may or may not be that of a secret looks like one.
pub fn is_suspicious(value: &str) -> bool {
    let value = beginning(value, 256);
    let has = |of: fn(&u8) -> bool| value.bytes().any(|byte| of(&byte));
    let (letters, digits) = (has(u8::is_ascii_alphabetic), has(u8::is_ascii_digit));
    let marks = value.bytes().filter(|byte| byte.is_ascii_punctuation() && !b"._-/:,".contains(byte)).count();
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b".,:-T+Z".contains(&byte));
    let is_url = value.contains("://");
    let is_plain_name = value.len() < 16 && value.chars().all(|c| c.is_ascii_lowercase() || "._-".contains(c));
    !is_url
        && !is_number
        && !is_plain_name
        && ((value.len() >= 8 && letters && digits && !is_version(value)) || (value.len() >= 6 && letters && marks > 0))
}

/// Whether this is a name with a number, as `web-1`, `v1.2.3`, `host01.example.com`.
fn is_version(value: &str) -> bool {
    let is_part = |part: &str| {
        let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
        stem.chars().all(|c| c.is_ascii_lowercase()) || part.len() <= 3
    };
    value.len() < 40 && value.contains(['.', '-', '_', '/', ':']) && value.split(['.', '-', '_', '/', ':']).all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_where_a_secret_is_is_none() {
        for value in [
            "/run/secrets/pw",
            "./x",
            "~/x",
            "/run",
            "$TOKEN",
            "${x}",
            "$(cat x)",
            "%TOKEN%",
            "{{ .Token }}",
            "<your-token>",
            "true",
            "none",
            "****",
            "@/run/key",
            "@token.txt",
            "file:/x",
            "[redacted]",
            "C:\\keys\\x",
            "op://v/i/f",
            "",
            "%s",
        ] {
            assert!(is_reference(value, false), "{value}");
        }
        for value in [
            "$ecret!",
            "$a",
            "%40x",
            "-x9!k",
            "/Abc9x",
            "@dm1n!",
            "<x9..",
            ";abc",
            "|abc",
            "\"abc",
            "hunter2",
            "/9j4AAQSkZJRg12/x",
        ] {
            assert!(!is_reference(value, false), "{value}");
        }
        assert!(is_reference("$token", true) && !is_reference("$token", false) && is_reference("`cat x`", true));
    }

    #[test]
    fn options_are_told_from_secrets() {
        for value in ["-x", "--verbose", "-verbose", "--a-b=c", "--", "-", "-h"] {
            assert!(is_option(value), "{value}");
        }
        for value in ["-Xy7!pq", "-9abc", "abc", "-p4ss", "--!x"] {
            assert!(!is_option(value), "{value}");
        }
    }
}
