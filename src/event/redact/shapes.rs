//! The known shapes of secrets, each with what a text must hold before it can be found in it.
//!
//! The shapes of tokens are those their issuers document; the rest are the ways in which programs take secrets on their
//! command lines. The cases that hold the rules to it are in `tests/redaction.jsonl`.

/// A value: in quotes, which have backslashes before them in a text of JSON, or up to what ends a word in a shell, a query or a list.
const VALUE: &str = r#"(?:\\?"([^"]+)"|\\?'([^']+)'|([^\s"'&;|,]+))"#;

/// Names of what is secret, as the last part of a longer name.
pub const SECRET_NAME: &str = "(?:(?:[a-z0-9]*[._-])*?(?:pass|pwd)|[a-z0-9._-]*?(?:password|passwd|passphrase|passwort|passcode|\
    secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|auth[_-]?key|account[_-]?key|encryption[_-]?key|\
    private[_-]?key|signing[_-]?key|credentials?|requirepass|masterauth))";

/// Clients that take a secret after a short option, that option, and what may stand between.
static CLIENTS: [(&str, &str, &str); 6] = [
    ("sshpass|mongo(?:sh|dump|restore|export|import)?", "-p", r"\s+"),
    (r"(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane)\s(?:[^|;&]*?\s)?login", "-p", r"\s+"),
    ("mysql(?:dump|admin|check|import|show|sh)?|mariadb(?:-dump|-admin)?", "-p", ""),
    ("redis-cli|valkey-cli|keydb-cli", "-a", r"\s+"),
    ("ldap(?:search|add|modify|delete|passwd|whoami)", "-w", r"\s*"),
    ("sqlcmd|bcp|mosquitto_(?:pub|sub)|ipmitool", "-P", r"\s*"),
];

/// What a text must hold, whatever its case, before a rule can find anything in it.
#[derive(Debug, Clone, Copy)]
pub enum Hint {
    /// One of these.
    Any(&'static [&'static str]),
    /// One of the options that take a secret, after a blank.
    Option(&'static [&'static str]),
    /// What is in each of [`SECRET_NAME`].
    Name,
    /// What is in each URL with a user: `@` and `://`.
    Url,
}

impl Hint {
    /// The texts of which one must be there, in whatever case; none where it is a URL.
    pub fn texts(self) -> Vec<String> {
        const NAMES: [&str; 6] = ["pass", "pwd", "secret", "token", "credential", "masterauth"];
        // api_key, api-key, apikey.
        const KEYS: [&str; 7] = ["api", "access", "auth", "account", "encryption", "private", "signing"];
        const BLANKS: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
        match self {
            Self::Any(texts) => texts.iter().map(|&text| text.to_owned()).collect(),
            Self::Option(options) => {
                options.iter().flat_map(|option| BLANKS.map(|blank| format!("{blank}{option}"))).collect()
            }
            Self::Name => {
                let keys = KEYS.iter().flat_map(|name| ["_", "-", ""].map(|between| format!("{name}{between}key")));
                NAMES.iter().map(|&name| name.to_owned()).chain(keys).collect()
            }
            Self::Url => Vec::new(),
        }
    }
}

/// The rules' hints and patterns; the first group of a pattern that matches is the secret.
pub fn rules() -> Vec<(Hint, String)> {
    let (value, name) = (VALUE, SECRET_NAME);
    let mut rules = vec![
        // --password x, --password=x, -password x, --db-password x
        (Hint::Name, format!(r#"(?i)(?:^|[\s"'])--?{name}(?:=|\s+){value}"#)),
        // PASSWORD=x, MYSQL_ROOT_PASSWORD=x, ?password=x
        (Hint::Name, format!(r#"(?i)(?:^|[\s?&;,'"{{]){name}[0-9]*={value}"#)),
        // "password": "x"
        (Hint::Name, format!(r#"(?i)\\?["']{name}\\?["']\s*:\s*\\?["']([^"'\\]+)"#)),
        // "password":"x", whatever is escaped in it
        (Hint::Name, format!(r#"(?i)"{name}"\s*:\s*"((?:[^"\\]|\\.)+)"#)),
        // -u user:secret, -U user%secret, -u user,secret
        (
            Hint::Option(&["-u", "--user", "--proxy-user", "-a", "--auth"]),
            r#"(?i)(?:^|[\s/"'])(?:curl|wget|https?|xh|lftp|smbclient|rpcclient|ab)\s(?:[^|;&]*?\s)?(?:-u|--user|--proxy-user|-a|--auth)(?:=|\s*)["']?[^\s:%,"']+[:%,]([^\s"']+)"#.to_owned(),
        ),
        (
            Hint::Any(&["htpasswd"]),
            r#"(?i)(?:^|[\s/"'])htpasswd\s(?:-\S+\s+)*?-[a-z]*b[a-z]*\s+(?:-\S+\s+)*\S+\s+\S+\s+([^\s"']+)"#.to_owned(),
        ),
        (
            Hint::Any(&["rabbitmqctl"]),
            r#"(?i)(?:^|[\s/"'])rabbitmqctl\s+(?:add_user|change_password)\s+\S+\s+([^\s"']+)"#.to_owned(),
        ),
        (Hint::Any(&["-pass"]), r"(?i)\s-pass(?:in|out)?\s+pass:(\S+)".to_owned()),
        // Authorization: Bearer x, X-Api-Key: x
        (
            Hint::Any(&["authorization"]),
            r#"(?i)\b(?:proxy-)?authorization\s*[:=]\s*(?:(?:basic|bearer|token|digest|negotiate|apikey)\s+)?([^\s"',]+)"#.to_owned(),
        ),
        (
            Hint::Any(&["x-", "api-key", "private-token", "job-token", "cookie"]),
            r#"(?i)\b(?:x-[a-z-]*(?:api-key|token|secret|auth|password)|api-key|private-token|job-token|set-cookie|cookie)\s*:\s*([^\s"',]+)"#.to_owned(),
        ),
        (Hint::Any(&["bearer"]), r"(?i)\bbearer\s+([a-z0-9._~+/=-]{16,})".to_owned()),
        // scheme://user:secret@host, scheme://token@host
        (Hint::Url, r#"(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@"']*:([^\s/"']+)@"#.to_owned()),
        (Hint::Url, r"(?i)\b[a-z][a-z0-9+.-]*://([a-z0-9_-]{20,})@".to_owned()),
        // -----BEGIN PRIVATE KEY-----
        (
            Hint::Any(&["private key"]),
            r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(.+?)(?:-----END|$)".to_owned(),
        ),
        // Tokens that are known by their shape.
        (
            Hint::Any(&[
                "akia", "asia", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "gldt-", "glrt-",
                "glcbt-", "glptt-", "glft-", "glagent-", "glsoat-", "gloas-", "xoxa-", "xoxb-", "xoxe-", "xoxo-",
                "xoxp-", "xoxr-", "xoxs-", "xapp-", "k_live_", "k_test_", "whsec_", "aiza", "ya29.", "gocspx-", "npm_",
                "pypi-", "dckr_", "sg.", "hvs.", "hvb.", "hvr.", "doo_v1_", "dop_v1_", "dor_v1_", "sk-", "hf_",
                "age-secret-key-", "shpat_", "shpca_", "shppa_", "shpss_", "dapi", ":aa", "eyj",
            ]),
            concat!(
                r"\b((?:AKIA|ASIA)[0-9A-Z]{16}",
                r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
                r"|gl(?:pat|dt|rt|cbt|ptt|ft|agent|soat|oas)-[A-Za-z0-9_-]{20,255}",
                r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[0-9]-[A-Za-z0-9-]{10,255}",
                r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9]{24,255}",
                r"|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{28}",
                r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,255}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}",
                r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}|hv[sbr]\.[A-Za-z0-9_-]{20,255}",
                r"|do[opr]_v1_[a-f0-9]{64}|sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,255}|hf_[A-Za-z0-9]{30,255}",
                r"|AGE-SECRET-KEY-1[0-9A-Z]{58}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|dapi[a-f0-9]{32}",
                r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
            )
            .to_owned(),
        ),
        // smbclient //server -U user%secret
        (
            Hint::Option(&["-u"]),
            r#"(?:^|[\s/"'])(?:smbclient|rpcclient|net)\s(?:[^|;&]*?\s)?-U\s*["']?[^\s%"']+%([^\s"']+)"#.to_owned(),
        ),
    ];
    rules.extend(CLIENTS.iter().map(|(clients, option, between)| {
        let pattern = format!(r#"(?:^|[\s/"'])(?:{clients})\s(?:[^|;&]*?\s)?{option}{between}{value}"#);
        (Hint::Option(std::slice::from_ref(option)), pattern)
    }));
    rules
}
