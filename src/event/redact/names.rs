//! Names of what is secret, in the words that people of several languages give it.
//!
//! A name is looked at by its parts: `DB_ROOT_PASSWORD`, `db.root-password` and `dbRootPassword` have the same three. The
//! last one says what it is, but for a part that says of which kind or turn (`_OLD`, `_BASE64`, `2`).

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Its value is a secret.
    Secret,
    /// Its value is one if it looks like one.
    Perhaps,
    /// Its value is none.
    Harmless,
}

/// The longest name, in bytes; of a longer one the end.
pub const LONGEST: usize = 96;

/// What a text must hold, whatever its case, before there can be a name in it that is all ASCII.
pub static ROOTS: &[&str] = &[
    "pass",
    "pwd",
    "psw",
    "pw",
    "secret",
    "token",
    "key",
    "auth",
    "cred",
    "jwt",
    "bearer",
    "pin",
    "otp",
    "salt",
    "cookie",
    "dsn",
    "session",
    "sig",
    "mnemonic",
    "seed",
    "sas",
    "csrf",
    "xsrf",
    "psk",
    "login",
    "community",
    "license",
    "kennwort",
    "geheim",
    "schl",
    "zugang",
    "mdp",
    "mot-de",
    "mot_de",
    "jeton",
    "contrase",
    "clave",
    "senha",
    "chave",
    "segred",
    "segret",
    "chiave",
    "parol",
    "wachtwoord",
    "sleutel",
    "haslo",
    "klucz",
    "heslo",
    "losenord",
    "adgangskode",
    "kodeord",
    "salasana",
    "jelsz",
    "sifre",
    "lozink",
    "geslo",
    "zaporka",
    "slaptazodis",
    "sandi",
    "matkhau",
    "mat_khau",
    "mima",
];

/// Last parts that make a name one of a secret.
static SECRETS: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "passwort",
    "passw",
    "pass",
    "pwd",
    "pw",
    "psw",
    "pswd",
    "passwrd",
    "passphrase",
    "passphrases",
    "passcode",
    "passkey",
    "pword",
    "secret",
    "secrets",
    "token",
    "apitoken",
    "authtoken",
    "accesstoken",
    "refreshtoken",
    "apikey",
    "apikeys",
    "authkey",
    "accesskey",
    "secretkey",
    "privatekey",
    "masterkey",
    "sharedkey",
    "credential",
    "credentials",
    "cred",
    "creds",
    "jwt",
    "bearer",
    "pin",
    "puk",
    "otp",
    "totp",
    "requirepass",
    "masterauth",
    "mnemonic",
    "psk",
    "wpapsk",
    "authorization",
    "dbpass",
    "userpass",
    "dbpw",
    "userpw",
    "rootpw",
    "adminpw",
    "bindpw",
    "mgmtpw",
    "authpass",
    "privpass",
    "keypass",
    "storepass",
    "rootpass",
    "adminpass",
    "ftppass",
    "httppass",
    "smtppass",
    "mailpass",
    "authpw",
    "upw",
    "opw",
    "mypass",
    "webpass",
    "pgpass",
    "sshpass",
    "ldappass",
    "redispass",
    "proxypass",
    "bindpass",
    "loginpass",
    "dbpwd",
    "userpwd",
    "adminpwd",
    "syspass",
    // Other languages.
    "kennwort",
    "geheimnis",
    "geheim",
    "schluessel",
    "schl\u{fc}ssel",
    "zugangsdaten",
    "zugangscode",
    "mdp",
    "motdepasse",
    "jeton",
    "contrasena",
    "contrase\u{f1}a",
    "contrasenia",
    "contrasenya",
    "clave",
    "secreto",
    "senha",
    "segredo",
    "segreto",
    "parola",
    "parolachiave",
    "wachtwoord",
    "haslo",
    "has\u{142}o",
    "heslo",
    "losenord",
    "l\u{f6}senord",
    "adgangskode",
    "kodeord",
    "passord",
    "salasana",
    "jelszo",
    "jelsz\u{f3}",
    "sifre",
    "\u{15f}ifre",
    "lozinka",
    "geslo",
    "zaporka",
    "slaptazodis",
    "parool",
    "sandi",
    "matkhau",
    "mima",
    "parol",
    "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
    "\u{441}\u{435}\u{43a}\u{440}\u{435}\u{442}",
    "\u{442}\u{43e}\u{43a}\u{435}\u{43d}",
    "\u{5bc6}\u{7801}",
    "\u{5bc6}\u{78bc}",
    "\u{53e3}\u{4ee4}",
    "\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}",
    "\u{be44}\u{bc00}\u{bc88}\u{d638}",
];

/// Ends of last parts that do the same, where no separator stands before them.
static ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "kennwort",
    "wachtwoord",
    "secretkey",
    "accesskey",
    "privatekey",
    "motdepasse",
    "authkey",
    "encryptionkey",
    "signingkey",
    "masterkey",
    "sharedkey",
];

/// Words that end as that for a password does.
static OTHER_PASSES: &[&str] = &[
    "compass",
    "bypass",
    "trespass",
    "encompass",
    "overpass",
    "underpass",
    "surpass",
    "multipass",
    "subpass",
    "onepass",
    "allpass",
    "lowpass",
    "highpass",
    "bandpass",
    "passpass",
    "keepass",
    "lastpass",
    "singlepass",
    "twopass",
    "firstpass",
    "secondpass",
    "testpass",
    "proxypasspass",
    "proxypass",
    "gopass",
    "sshaskpass",
    "askpass",
    "renderpass",
];

/// Last parts whose values are secrets where they look like it.
static PERHAPS: &[&str] = &[
    "key",
    "keys",
    "auth",
    "salt",
    "cookie",
    "cookies",
    "dsn",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "seed",
    "sas",
    "login",
    "community",
    "rocommunity",
    "rwcommunity",
    "csrf",
    "xsrf",
    "csrftoken",
    "license",
    "licence",
    "licensekey",
    "chave",
    "chiave",
    "sleutel",
    "klucz",
    "phrase",
    "nonce",
    "hmac",
    "basicauth",
    "keystring",
    "credentialid",
    "\u{43a}\u{43b}\u{44e}\u{447}",
    "passkeys",
    "sessionkey",
];

/// What stands before `key` where its value is a secret.
static KEYS: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "account",
    "encryption",
    "encrypt",
    "encrypting",
    "decryption",
    "signing",
    "sign",
    "master",
    "shared",
    "storage",
    "license",
    "app",
    "application",
    "consumer",
    "service",
    "hmac",
    "jwt",
    "aes",
    "crypto",
    "cipher",
    "wrapping",
    "deploy",
    "admin",
    "webhook",
    "ingest",
    "ingestion",
    "integration",
    "instrumentation",
    "preshared",
    "unseal",
    "recovery",
    "root",
    "data",
    "user",
    "rest",
    "write",
    "read",
    "server",
    "session",
    "subscription",
    "registration",
    "join",
    "cookie",
    "token",
    "gossip",
    "ssh",
    "rsa",
    "ssl",
    "tls",
    "wg",
    "wireguard",
    "wpa",
    "network",
    "bot",
    "developer",
    "dev",
    "agent",
    "license",
    "enrollment",
    "management",
    "host",
    "function",
    "cluster",
    "activation",
    "product",
];

/// What stands before `key` where its value is none.
static NO_KEYS: &[&str] = &[
    "public",
    "pub",
    "primary",
    "foreign",
    "sort",
    "partition",
    "group",
    "cache",
    "object",
    "row",
    "index",
    "lookup",
    "routing",
    "config",
    "hash",
    "range",
    "apt",
    "gpg",
    "message",
    "map",
    "dict",
    "translation",
    "i18n",
    "hot",
    "short",
    "any",
    "press",
    "issue",
    "project",
    "jira",
    "order",
    "unique",
    "composite",
    "item",
    "s3",
    "file",
    "record",
    "label",
    "annotation",
    "metadata",
    "meta",
    "by",
];

/// Parts before the last that make a name none of a secret: it says whether, not what.
static NEGATIONS: &[&str] = &[
    "no", "ask", "prompt", "without", "has", "is", "use", "enable", "disable", "require", "allow", "skip", "show",
    "hide", "reset", "forgot", "generate", "gen", "max", "min", "num", "count", "verify", "validate", "list", "get",
    "create", "delete", "rotate", "existing", "mount", "change", "update", "add", "remove", "rm", "via", "read",
];

/// Parts that say of which kind or turn a secret is, and are left off at the end.
static NEUTRAL: &[&str] = &[
    "value",
    "val",
    "base64",
    "base",
    "b",
    "b64",
    "plain",
    "plaintext",
    "cleartext",
    "clear",
    "raw",
    "new",
    "old",
    "current",
    "prod",
    "production",
    "dev",
    "development",
    "test",
    "staging",
    "stage",
    "live",
    "default",
    "again",
    "confirm",
    "confirmation",
    "verify",
    "repeat",
    "hash",
    "hashed",
    "encrypted",
    "enc",
    "text",
    "string",
    "data",
    "main",
    "backup",
    "primary",
    "secondary",
    "1st",
    "db",
];

/// What a name is whose parts are these bytes.
pub fn of(name: &str) -> Name {
    let parts = Parts::of(name);
    let Some(mut last) = parts.len().checked_sub(1) else { return Name::Harmless };
    let mut found = parts.judge(last);
    // `DB_PASSWORD_OLD`, `password2`, `TOKEN_BASE64`.
    while found == Name::Harmless && last > 0 && NEUTRAL.contains(&parts.get(last)) {
        last -= 1;
        found = parts.judge(last);
    }
    let is_negated =
        || (0..last).any(|before| NEGATIONS.contains(&parts.get(before)) && (before == 0 || before + 1 == last));
    if found != Name::Harmless && is_negated() && !parts.is_settable(last) {
        return Name::Harmless;
    }
    found
}

/// The parts of a name in small letters.
struct Parts {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Parts {
    fn of(name: &str) -> Self {
        let mut text = String::with_capacity(name.len());
        let mut ends: Vec<usize> = Vec::new();
        let mut before = '_';
        let mut characters = name.chars().peekable();
        while let Some(character) = characters.next() {
            let is_separator =
                matches!(character, '_' | '-' | '.' | ':' | '/' | '[' | ']' | ' ' | '$' | '@' | '"' | '\'');
            let follows_small = before.is_lowercase() || before.is_ascii_digit();
            let next_is_small = characters.peek().is_some_and(|next| next.is_lowercase());
            let is_hump = character.is_uppercase() && (follows_small || (before.is_uppercase() && next_is_small));
            if (is_separator || is_hump) && ends.last().copied().unwrap_or_default() < text.len() {
                ends.push(text.len());
            }
            if !is_separator {
                text.extend(character.to_lowercase());
            }
            before = character;
        }
        if ends.last().copied().unwrap_or_default() < text.len() {
            ends.push(text.len());
        }
        Self { text, ends }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The part at this place, without a number at its end.
    fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place).copied().unwrap_or_default();
        let part = self.text.get(start..end).unwrap_or_default();
        let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
        if stem.is_empty() { part } else { stem }
    }

    /// The part with the one before it, as one word.
    fn joined(&self, place: usize) -> &str {
        let start = place.checked_sub(2).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.text.get(start..self.ends.get(place).copied().unwrap_or_default()).unwrap_or_default()
    }

    /// What the name is whose last part is this one.
    fn judge(&self, place: usize) -> Name {
        let last = self.get(place);
        let before = place.checked_sub(1).map(|before| self.get(before));
        if matches!(last, "key" | "keys") {
            return match before {
                // `adminPasswordKey` says where a password is.
                Some("password" | "username" | "user") => Name::Harmless,
                Some(before) if NO_KEYS.contains(&before) => Name::Harmless,
                Some(before) if KEYS.contains(&before) || ENDINGS.iter().any(|ending| before.ends_with(ending)) => {
                    Name::Secret
                }
                _ if last == "keys" => Name::Harmless,
                _ => Name::Perhaps,
            };
        }
        // The halves of AppRole, and the first token of a server for tests.
        if last == "id" && (before == Some("secret") || (before == Some("token") && self.text.contains("root"))) {
            return Name::Secret;
        }
        let is_short = |ending: &str, others: &[&str]| {
            last.ends_with(ending) && last.len() > ending.len() + 1 && !others.contains(&last)
        };
        if is_short("pass", OTHER_PASSES) || is_short("psk", &[]) || is_short("pwd", &["cwdpwd"]) {
            return Name::Secret;
        }
        if SECRETS.contains(&last) || ENDINGS.iter().any(|ending| last.ends_with(ending)) {
            return Name::Secret;
        }
        // `pass_word`, `pass-phrase`, `mot-de-passe`, `kata_sandi`.
        if place > 0 && matches!(last, "word" | "phrase" | "code") && before == Some("pass") || last == "passe" {
            return Name::Secret;
        }
        if PERHAPS.contains(&last) || last.ends_with("key") {
            return match self.joined(place) {
                "xauth" | "oauth" => Name::Harmless,
                _ if before.is_some_and(|before| NO_KEYS.contains(&before)) && last.ends_with("key") => Name::Harmless,
                _ => Name::Perhaps,
            };
        }
        Name::Harmless
    }

    /// Whether what seems to ask or to turn is a name after all: `user_password`, `read_token`, `create_secret`.
    fn is_settable(&self, last: usize) -> bool {
        let first = self.get(0);
        last > 0
            && (matches!(first, "user" | "app")
                || (matches!(first, "read" | "add" | "update" | "admin")
                    && matches!(self.get(last), "token" | "key" | "apikey")))
    }
}

/// Whether a byte can be part of a name.
pub fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_parts() {
        for name in [
            "password",
            "DB_PASSWORD",
            "db.root-password",
            "dbRootPassword",
            "PGPASSWORD",
            "mypassword",
            "pass",
            "pw",
            "pwd",
            "MYSQL_PWD",
            "REDISCLI_AUTH_TOKEN",
            "api_key",
            "api-key",
            "apiKey",
            "X-Api-Key",
            "AWS_SECRET_ACCESS_KEY",
            "aws_session_token",
            "client_secret",
            "clientSecret",
            "jwt",
            "PIN",
            "otp",
            "passphrase",
            "credentials",
            "password2",
            "PASSWORD_OLD",
            "TOKEN_BASE64",
            "SECRET_KEY_BASE",
            "accountKey",
            "AccountKey",
            "Passwort",
            "kennwort",
            "motdepasse",
            "mot-de-passe",
            "contrase\u{f1}a",
            "clave",
            "senha",
            "wachtwoord",
            "haslo",
            "heslo",
            "l\u{f6}senord",
            "salasana",
            "sifre",
            "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
            "\u{5bc6}\u{7801}",
            "user_pass",
            "authToken",
            "requirepass",
            "PRIVATE_KEY",
            "private_key_password",
            "_authToken",
            "ansible_ssh_pass",
            "keyStorePassword",
            "preshared_key",
            "registration-token",
            "MYSQL_ROOT_PASSWORD",
        ] {
            assert_eq!(of(name), Name::Secret, "{name}");
        }
        for name in ["key", "AUTH", "salt", "cookie", "dsn", "SENTRY_DSN", "sig", "foo_key"] {
            assert_eq!(of(name), Name::Perhaps, "{name}");
        }
        for name in [
            "password_file",
            "PASSWORD_FILE",
            "token-file",
            "secret-name",
            "max_tokens",
            "MAX_TOKENS",
            "tokenizer",
            "compass",
            "pass-through",
            "public_key",
            "primaryKey",
            "no-password",
            "ask-pass",
            "authors",
            "keyboard",
            "password.encoder",
            "password-stdin",
            "token_type",
            "author",
            "keycloak",
            "spinning",
            "mapping",
            "signal",
            "secretName",
            "keyring",
            "tokens",
            "passwordless",
        ] {
            assert_eq!(of(name), Name::Harmless, "{name}");
        }
    }
}
