//! The worst lines that are known for any stage, at any size: what a label, a command or a broken engine can put in.

use std::fmt::Write as _;

/// One kind of them; it makes a line of about so many bytes.
pub type Kind = (&'static str, fn(usize) -> Vec<u8>);

pub const KINDS: &[Kind] = &[
    ("plain command", |size| exec(&repeated("word ", size))),
    ("a label with nothing but dots", |size| labels(&format!(r#""Name":"x","{}":"v""#, repeated("a.", size)))),
    ("dots, and a value like an array", |size| labels(&format!(r#""{}":"v","z":"[""#, repeated(".", size)))),
    ("many labels with many dots", |size| many(size, |n| format!(r#""{}{n}":"v""#, "a.".repeat(100)))),
    ("labels that are parents of each other", |size| {
        many(size, |n| format!(r#""{}":"v""#, "a.".repeat(n % 120) + "b"))
    }),
    ("labels that are one name in all cases", |size| many(size, |n| format!(r#""{}":"v""#, cases(n)))),
    ("labels whose new names are taken", |size| {
        many(size, |n| if n % 2 == 0 { format!(r#""label:x:{n}":"v""#) } else { format!(r#""{}":"v""#, cases(n)) })
    }),
    ("keys longer than any", |size| many(size, |n| format!(r#""{n}{}":"v""#, "k".repeat(5000)))),
    ("one key", |size| labels(&format!(r#""{}":"v""#, repeated("k", size)))),
    ("one key with escapes", |size| labels(&format!(r#""{}":"v""#, repeated(r"\n", size)))),
    ("empty fields", |size| many_fields(size, |n| format!(r#""{n}":"""#))),
    ("empty objects", |size| many_fields(size, |n| format!(r#""{n}":{{}}"#))),
    ("objects in objects", |size| many_fields(size, |n| format!(r#""{n}":{{"a":{{"b":{{"c":{{}}}}}}}}"#))),
    ("actors", |size| many_fields(size, |_| r#""Actor":{"ID":"","Attributes":{"name":"","image":""}}"#.to_owned())),
    ("one key again and again", |size| many_fields(size, |_| r#""a":"""#.to_owned())),
    ("an array of zeros", |size| fields(&format!(r#""x":[{}0]"#, repeated("0,", size)))),
    ("an array of arrays", |size| fields(&format!(r#""x":[{}[]]"#, repeated("[],", size)))),
    ("an array of texts", |size| {
        fields(&format!(r#""x":[{}""]"#, format!(r#""{}","#, "é".repeat(size / 130)).repeat(64)))
    }),
    ("arrays of sixty-four", |size| {
        let inner = format!("[{}0]", "0,".repeat(60));
        many_fields(size, |n| format!(r#""{n}":[{}0]"#, format!("{inner},").repeat(60)))
    }),
    ("nested without end", |size| fields(&format!(r#""x":{}1{}"#, "[".repeat(size / 2), "]".repeat(size / 2)))),
    ("objects nested without end", |size| {
        fields(&format!(r#""x":{}1{}"#, r#"{"a":"#.repeat(size / 6), "}".repeat(size / 6)))
    }),
    ("nested to what a parser follows", |size| {
        let deep = format!("{}1{}", r#"[[{"a":"#.repeat(30), "}]]".repeat(30));
        many_fields(size, |n| format!(r#""{n}":{deep}"#))
    }),
    ("numbers beyond any double", |size| fields(&format!(r#""x":[{}0]"#, repeated("1e999,", size)))),
    ("a number without end", |size| fields(&format!(r#""x":{}"#, repeated("9", size)))),
    ("a command of escapes", |size| exec(&repeated(r"\n", size))),
    ("a command that cannot be seen", |size| exec(&repeated("\u{ad}", size))),
    ("a command of control characters", |size| exec(&repeated("\u{7f}", size))),
    ("a command of wide characters", |size| exec(&repeated("\u{1F600}", size))),
    ("lone surrogates", |size| exec(&repeated(r"\ud800", size))),
    ("foreign bytes", |size| bytes(size, b"\xff")),
    ("foreign bytes between others", |size| bytes(size, b"\xffa")),
    ("foreign bytes and escapes", |size| bytes(size, b"\xff\\n")),
    ("passwords in a command", |size| exec(&repeated("--password=x ", size))),
    ("passwords in words", |size| exec(&repeated("PASSWORD=x;", size))),
    ("one password", |size| exec(&format!("x --password {}", repeated("x", size)))),
    ("clients in a command", |size| exec(&repeated("curl -u ", size))),
    ("clients that log in", |size| exec(&repeated("docker login ", size))),
    ("clients and options", |size| exec(&repeated("mysql -p ", size))),
    ("clients with passwords", |size| exec(&repeated("mysql -px|", size))),
    ("clients and options in no order", |size| exec(&jumbled(size, 1))),
    ("labels of clients and options in no order", |size| {
        many(size, |n| format!(r#""l{n}":"{}""#, jumbled(1_900, n as u64)))
    }),
    ("short labels of clients and options in no order", |size| {
        many(size, |n| format!(r#""l{n}":"{}""#, jumbled(320, n as u64)))
    }),
    ("htpasswd", |size| exec(&format!("htpasswd {}", repeated("-a ", size)))),
    ("htpasswd again and again", |size| exec(&repeated("htpasswd -b ", size))),
    ("colons and slashes", |size| exec(&format!("{}@", repeated("a://", size)))),
    ("URLs", |size| exec(&repeated("a://u:p@h ", size))),
    ("names of secrets", |size| exec(&repeated("a-password-", size))),
    ("names that could be those of secrets", |size| exec(&format!("--{}", repeated("a.", size)))),
    ("keys without end", |size| exec(&repeated("-----BEGIN PRIVATE KEY-----", size))),
    ("tokens", |size| exec(&repeated("ghp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ", size))),
    ("tokens of three parts", |size| exec(&repeated("eyJaaaaaaaa.", size))),
    ("headers", |size| exec(&repeated("authorization: bearer ", size))),
    ("quotes", |size| exec(&repeated(r"--token \u0022", size))),
    ("programs", |size| exec(&repeated("sh ", size))),
    ("paths", |size| exec(&repeated("/sh", size))),
    ("words of one letter", |size| exec(&repeated("a ", size))),
    ("what joins commands", |size| exec(&repeated("nc;", size))),
    ("labels with passwords", |size| many(size, |n| format!(r#""l{n}":"{}""#, "--password=x ".repeat(68)))),
    ("long labels with passwords", |size| many(size, |n| format!(r#""l{n}":"{}""#, "--password=x ".repeat(400)))),
    ("labels with clients", |size| many(size, |n| format!(r#""l{n}":"{}""#, "curl -u docker login ".repeat(42)))),
    ("labels that name secrets", |size| many(size, |n| format!(r#""a.password.{n}.token":"x""#))),
    ("labels with hidden characters", |size| many(size, |n| format!(r#""l{n}":"{}""#, "\u{ad}".repeat(450)))),
    ("labels that are objects", |size| many(size, |n| format!(r#""l{n}":{{"a":{{"b":[1,2,"x"]}}}}"#))),
    ("labels of workloads", |size| labels(&format!(r#""com.docker.compose.project":"{}""#, repeated("\u{ad}", size)))),
    ("an image of slashes", |size| image(&repeated("a/", size))),
    ("an image of colons", |size| image(&repeated("a:", size))),
    ("an image that cannot be seen", |size| image(&repeated("\u{ad}", size))),
    ("a name without end", |size| labels(&format!(r#""name":"{}""#, repeated("n", size)))),
    ("an id without end", |size| {
        format!(r#"{{"Type":"container","Action":"start","Actor":{{"ID":"{}"}}}}"#, repeated("i", size)).into_bytes()
    }),
    ("a type without end", |size| {
        format!(r#"{{"Type":"{}","Action":"start"}}"#, repeated("\u{e9}", size)).into_bytes()
    }),
];

/// The text as often as it fits, in bytes.
fn repeated(text: &str, size: usize) -> String {
    text.repeat(size / text.len())
}

/// What rules for secrets look for, without any order, so that what they keep of it is new at each place.
fn jumbled(size: usize, seed: u64) -> String {
    const WORDS: [&str; 40] = [
        "curl ",
        "-u ",
        "--user=",
        "-p",
        "-a ",
        "mysql ",
        "redis-cli ",
        "docker ",
        "login ",
        "htpasswd -",
        "b ",
        "net ",
        "-U ",
        "sshpass ",
        "mongo ",
        "ldapsearch ",
        "-w ",
        "sqlcmd -P",
        "--pass",
        "word=",
        "a:",
        "b%",
        "c,",
        "/",
        "'",
        "|",
        "cookie:",
        "x-a-token ",
        "bearer ",
        "eyJa",
        "-----BEGIN ",
        "rabbitmqctl ",
        "add_user ",
        "-passin ",
        "://",
        "@",
        "api_",
        "key ",
        "secret-",
        "\\t",
    ];
    // Knuth's generator; the upper bits are the better ones.
    let mut state = seed;
    let mut text = String::new();
    loop {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = WORDS[(state >> 33) as usize % WORDS.len()];
        if text.len() + word.len() > size {
            return text;
        }
        text += word;
    }
}

/// The number in the cases of fourteen letters.
fn cases(number: usize) -> String {
    let letter = |bit: usize| if number >> bit & 1 == 0 { 'a' } else { 'A' };
    (0..14).map(letter).collect()
}

fn event(action: &str, attributes: &str, more: &str) -> Vec<u8> {
    format!(
        r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"c1","Attributes":{{"image":"bb:1","name":"web"{attributes}}}}}{more},"scope":"local","time":1795217220,"timeNano":1795217220632019339}}"#
    )
    .into_bytes()
}

fn exec(command: &str) -> Vec<u8> {
    event(&format!("exec_start: {command}"), r#","execID":"e1""#, "")
}

fn labels(labels: &str) -> Vec<u8> {
    event("start", &format!(",{labels}"), "")
}

fn fields(fields: &str) -> Vec<u8> {
    event("start", "", &format!(",{fields}"))
}

fn image(name: &str) -> Vec<u8> {
    format!(r#"{{"Type":"container","Action":"create","Actor":{{"ID":"c1","Attributes":{{"image":"{name}","name":"web"}}}}}}"#)
        .into_bytes()
}

fn joined(size: usize, each: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        let one = each(number);
        if number > 0 && text.len() + one.len() > size {
            break;
        }
        write!(text, "{}{one}", if number > 0 { "," } else { "" }).unwrap();
    }
    text
}

fn many(size: usize, each: impl Fn(usize) -> String) -> Vec<u8> {
    labels(&joined(size, each))
}

fn many_fields(size: usize, each: impl Fn(usize) -> String) -> Vec<u8> {
    fields(&joined(size, each))
}

/// A command of bytes that are no text.
fn bytes(size: usize, part: &[u8]) -> Vec<u8> {
    let line = exec("FOREIGN");
    let at = line.windows(7).position(|window| window == b"FOREIGN").unwrap();
    [&line[..at], &part.repeat(size / part.len()), &line[at + 7..]].concat()
}
