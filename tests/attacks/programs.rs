//! The other commands read what is hostile.

use crate::scene::Scene;
use crate::support::Program;
use crate::{endless, padded};

#[test]
fn commands_read_what_is_hostile() {
    let scene = Scene::quiet();
    scene.engine.publish_line(format!(
        r#"{{"Type":"container","Action":"create","Actor":{{"ID":"d075","Attributes":{{"image":"bb:1","Name":"x","name":"web","a{}":"v","e":"\u001b]0;owned\u0007\u001b[2J"}}}},"time":1795217222,"timeNano":1795217222000000001}}"#,
        ".a".repeat(80_000)
    ));
    scene.forget("/containers/json?all=true");
    let arguments = ["events", "--since", "0", "--until", "0s", "--format", "wazuh"];
    command(&scene, "a label of 80,000 dots in the ring", "killed (134) after 5.52 s", &arguments);
    for format in ["flat", "table"] {
        let arguments = ["events", "--since", "0", "--until", "0s", "--format", format];
        let _ = command(&scene, &format!("the same in the format `{format}`"), "exit code 0 after 0.01 s", &arguments);
    }
    let plain = ["events", "--since", "0", "--until", "0s"];
    let shown = command(&scene, "a label with a terminal's control sequences", "exit code 0 after 0.02 s", &plain)
        .unwrap_or_default();
    assert!(!shown.contains('\u{1b}'), "it reaches the terminal");
    let answer = padded("feed", "\"Mounts\":[", "{}", 10_000_000, "]");
    scene.first(move |path, asked| {
        match path {
            "/containers/json?all=true" => asked.whole(r#"[{"Id":"feed"}]"#),
            "/images/json" => asked.whole("[]"),
            "/containers/feed/json" => asked.whole(&answer),
            _ => return false,
        }
        true
    });
    command(&scene, "a container whose answer has 31 MiB of `{},` as mounts", "killed (134) after 0.97 s", &["audit"]);
    scene.first(|path, asked| {
        let is_ping = path == "/_ping";
        if is_ping {
            endless(asked);
        }
        is_ping
    });
    command(&scene, "the answer to its ping has 3 GB", "killed (134) after 1.94 s", &["audit"]);
}

/// Runs a command on this scene's engine; its output, or what ended it.
fn command(scene: &Scene, what: &str, before: &str, arguments: &[&str]) -> Option<String> {
    let started = std::time::Instant::now();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -d 1048576; exec timeout 20 \"$@\"", "sh"]).arg(Program::file());
    command.arg("--home").arg(scene.wazuh.home()).arg("--docker-host").arg(scene.engine.url()).args(arguments);
    let output = command.output().unwrap();
    let code = output.status.code().unwrap_or(134);
    // `timeout` says 124 of what took too long, and hands on what a signal ended.
    let killed = code >= 124;
    let end = if killed { format!("killed ({code})") } else { format!("exit code {code}") };
    println!("\n| {what} | `{}` | {before} | {end} after {:.2} s |", arguments[0], started.elapsed().as_secs_f64());
    if std::env::var_os("MEASURE").is_none() {
        assert!(!killed, "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
    (!killed).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
