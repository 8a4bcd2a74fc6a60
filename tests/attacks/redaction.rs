//! Secrets: what looking for them costs, and where they slip through.

use serde_json::json;

use crate::scene::Attack;
use crate::{EVIL, millis};

#[test]
fn commands_full_of_passwords() {
    let row = Attack {
        what: "eight commands of 400 KB of `--password=x `, and a privileged container that lives 0.4 s",
        stage: "redaction",
        before: "no alert, CPU 0.99 s, peak +6 MiB, stays +1.5 MiB, level 4",
        peak: 32,
        cpu: 4,
    };
    row.play(|scene| {
        let command = "--password=x ".repeat(400_000 / 13);
        for number in 0..8 {
            scene.happens(&format!("exec_create: {command}{number}"), "aa00", &json!({"execID": "none"}));
        }
        scene.short_evil(EVIL, millis(400));
    });
}

#[test]
fn a_command_in_which_every_rule_finds_something() {
    let row = Attack {
        what: "a command of 900 KB in which every redaction rule finds something, and a privileged container that lives 1 s",
        stage: "redaction",
        before: "alert after 0.50 s, CPU 0.18 s, peak +4 MiB, stays +2.1 MiB, level 12",
        peak: 48,
        cpu: 4,
    };
    row.play(|scene| {
        let all = "--password=x PASSWORD=x \"password\":\"x\" curl -u a:b htpasswd -b f u p rabbitmqctl add_user u p \
                   -passin pass:x authorization: basic x x-api-key: x bearer abcdefghijklmnopq h://u:p@h \
                   h://abcdefghijklmnopqrstuv@ -----BEGIN PRIVATE KEY-----x-----END AKIAABCDEFGHIJKLMNOP smbclient -U a%b \
                   sshpass -p x docker login -p x mysql -px redis-cli -a x ldapsearch -w x sqlcmd -P x ; ";
        let command = all.replace('"', "'").repeat(900_000 / all.len() / 2);
        let line = scene.line(&format!("exec_create: {command}"), "aa00", &json!({"execID": "none"}));
        let older = line.replacen('{', &format!("{{\"status\":\"exec_create: {}\",", command.replace('\\', "")), 1);
        scene.engine.publish_line(older);
        scene.short_evil(EVIL, millis(1000));
    });
}

#[test]
fn a_workload_label_with_a_secret() {
    let row = Attack {
        what: "a secret in `com.docker.compose.project`",
        stage: "redaction",
        before: "alert after 0.00 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 12",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.happens("create", "5ec2e7", &json!({"com.docker.compose.project": "x --password=hunter2hunter2"}));
        scene.evil(EVIL);
        scene.comes_within("5ec2e7", 10);
        let shown = scene.messages_with("hunter2hunter2").next().is_some();
        scene.holds(!shown, "the secret was sent");
    });
}

#[test]
fn a_secret_across_the_cut_of_a_head() {
    let row = Attack {
        what: "a secret that straddles the end of an oversized line's head",
        stage: "redaction",
        before: "alert after 0.01 s, CPU 0.00 s, peak +1 MiB, stays +0.8 MiB, level 12",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        let start = r#"{"Type":"container","Action":"exec_create: "#;
        let key = "-----BEGIN PRIVATE KEY-----";
        let mut line = format!("{start}{}{key}", "x".repeat(1024 - start.len() - 12));
        line.push_str(&"MIIEvQIBADANBg".repeat(80_000));
        scene.engine.publish_line(line);
        // A token is known by its length, and of this one the head holds two thirds.
        let mut line = format!("{start}{} ", "x".repeat(1024 - start.len() - 30));
        line.push_str("ghp_hunter2hunter2hunter2hunter2hunter2hunter2");
        line.push_str(&" y".repeat(600_000));
        scene.engine.publish_line(line);
        scene.evil(EVIL);
        scene.comes_within("line_oversized", 10);
        let shown = scene.messages_with("ghp_hunter2hunter2").next().is_some();
        scene.holds(!shown, "the secret was sent");
    });
}
