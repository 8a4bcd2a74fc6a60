//! The audit on a real dockerd, and its page in a real browser.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use support::analysisd::Fields;
use support::checker::RuleSet;
use support::engines::{Engine, installed, missing};
use support::{Program, Wazuh};

fn audit(wazuh: &Wazuh, url: &str, arguments: &[&str]) -> Output {
    Program::command(wazuh.home(), url).arg("audit").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A dockerd with one container of each kind.
fn engine() -> Option<Engine> {
    let engine = Engine::dockerd()?;
    engine.docker(&["tag", "bb:1", "evil.example/app:1"]);
    let lie = "curl http://evil.example/<script>document.title='owned'</script>";
    let with_check =
        ["create", "--name", "checked", "--user", "1000", "--health-cmd", lie, "evil.example/app:1", "true"];
    engine.docker(&with_check);
    engine.docker(&["create", "--name", "strong", "--privileged", "bb:1", "true"]);
    let plain = ["--user", "1000", "--security-opt", "no-new-privileges", "--memory", "64m", "--pids-limit", "64"];
    engine.docker(&[&["create", "--name", "plain"][..], &plain, &["bb:1", "true"]].concat());
    Some(engine)
}

#[test]
fn the_audit_finds_what_is_there_in_every_form() {
    let Some(engine) = engine() else { return };
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"trusted_registries": ["registry.example.com"], "untrusted_registries": ["evil.example"]}));
    let report: Value = serde_json::from_str(&text(&audit(&wazuh, &engine.url(), &["--format", "json"]))).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let has = |name: &str, finding: &str| findings.iter().any(|f| f["name"] == name && f["finding"] == finding);
    assert!(has("strong", "privileged") && has("checked", "untrusted_registry") && has("checked", "health_check_tool"));
    assert!(has("evil.example/app:1", "untrusted_registry"), "{report:#}");
    let of_plain: Vec<&Value> = findings.iter().filter(|f| f["name"] == "plain").map(|f| &f["finding"]).collect();
    assert_eq!(of_plain, ["unknown_origin", "unpinned_image"], "nothing proves where it is from");
    assert_eq!(findings[0]["severity"], "critical", "the gravest first");
    assert_eq!(
        (report["containers"].as_array().unwrap().len(), report["by_severity"]["critical"].as_u64()),
        (3, Some(1))
    );

    let csv = text(&audit(&wazuh, &engine.url(), &["--format", "csv"]));
    assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().map(Result::unwrap).count(), findings.len());
    let table = text(&audit(&wazuh, &engine.url(), &[]));
    assert!(table.contains("strong") && table.contains("1 critical, "), "{table}");

    for (fail_on, code) in [("untrusted", 3), ("unknown", 3), ("unpinned", 3), ("high", 3), ("unknown,high", 3)] {
        assert_eq!(audit(&wazuh, &engine.url(), &["--fail-on", fail_on]).status.code(), Some(code), "{fail_on}");
    }
    assert_eq!(audit(&wazuh, &engine.url(), &[]).status.code(), Some(0));
    for name in ["strong", "checked"] {
        engine.docker(&["rm", name]);
    }
    engine.docker(&["rmi", "evil.example/app:1"]);
    for (fail_on, code) in [("untrusted", 0), ("high", 0), ("unpinned", 3)] {
        assert_eq!(audit(&wazuh, &engine.url(), &["--fail-on", fail_on]).status.code(), Some(code), "{fail_on}");
    }
    let away = audit(&wazuh, "unix:///nonexistent/docker.sock", &[]);
    assert_eq!(away.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&away.stderr).contains("is not running"));
}

#[test]
fn each_finding_reaches_the_queue_and_its_rule() {
    let Some(engine) = engine() else { return };
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"untrusted_registries": ["evil.example"]}));
    let queue = wazuh.queue();
    let rules = RuleSet::load(&[
        ("0560-docker_integration_rules.xml", include_str!("rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../ossec-rules/docker_listener_rules.xml")),
    ])
    .unwrap();
    // The kernel holds ten messages; somebody has to read.
    let (messages, output) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| audit(&wazuh, &engine.url(), &["--format", "json", "--send"]));
        let mut messages = vec![queue.message()];
        while !messages.last().unwrap().contains("\"findings\": ") {
            messages.push(queue.message());
        }
        (messages, sending.join().unwrap())
    });
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&text(&output)).unwrap();
    let expected = report["findings"].as_array().unwrap();
    assert_eq!(messages.len(), expected.len() + 1);
    let mut session = rules.session();
    for (finding, message) in expected.iter().zip(&messages) {
        let fields = Fields::of(message).unwrap();
        assert_eq!(fields.get("docker_listener.audit.finding"), finding["finding"].as_str());
        let rule = match finding["severity"].as_str().unwrap() {
            "critical" => 110_610,
            "high" => 110_611,
            "medium" => 110_612,
            "low" => 110_613,
            _ => 110_614,
        };
        assert_eq!(session.evaluate(&|name| fields.get(name), 0).unwrap().rule.id, rule, "{message}");
    }
    let fields = Fields::of(messages.last().unwrap()).unwrap();
    assert_eq!(session.evaluate(&|name| fields.get(name), 0).unwrap().rule.id, 110_615);
    assert_eq!(fields.get("docker_listener.audit.containers"), Some("3"));
    assert_eq!(queue.message_within(Duration::from_millis(100)), None);
}

#[test]
fn a_bar_shows_where_somebody_watches_and_nowhere_else() {
    let Some(engine) = engine() else { return };
    let wazuh = Wazuh::new();
    let unseen = audit(&wazuh, &engine.url(), &[]);
    assert!(unseen.stderr.is_empty(), "{}", String::from_utf8_lossy(&unseen.stderr));
    if !installed("script") {
        return missing("script");
    }
    let program = env!("CARGO_BIN_EXE_wazuh-docker-listener");
    let line = format!(
        "stty rows 40 cols 100; {program} --home {} --docker-host {} audit",
        wazuh.home().display(),
        engine.url()
    );
    let watched = Command::new("script").args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").output().unwrap();
    let seen = text(&watched);
    assert!(seen.contains("containers [") && seen.contains("/4"), "{seen:?}");
    // What is suggested is for copying, and no line of it may be broken.
    let lines = seen.lines().filter(|line| line.contains("privileged") && !line.trim_start().starts_with('{'));
    assert!(lines.into_iter().all(|line| line.chars().count() <= 100), "{seen}");
}

/// What a browser makes of the page.
fn dom(page: &std::path::Path, fragment: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--virtual-time-budget=5000",
        ])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .args(["--dump-dom", &format!("file://{}{fragment}", page.display())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text(&output)
}

#[test]
fn the_page_works_in_a_browser_and_runs_nobody_elses_script() {
    if !installed("chromium") {
        return missing("chromium");
    }
    let Some(engine) = engine() else { return };
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"untrusted_registries": ["evil.example"]}));
    let html = text(&audit(&wazuh, &engine.url(), &["--format", "html"]));
    let report: Value = serde_json::from_str(&text(&audit(&wazuh, &engine.url(), &["--format", "json"]))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("audit.html");
    std::fs::write(&page, html).unwrap();
    let all = report["findings"].as_array().unwrap().len();
    let critical = report["by_severity"]["critical"].as_u64().unwrap();
    for (fragment, shown) in [
        ("", all as u64),
        ("#severity=critical", critical),
        (
            "#text=CHECKED",
            report["findings"].as_array().unwrap().iter().filter(|f| f["name"] == "checked").count() as u64,
        ),
        ("#severity=critical&text=nothing-is-called-so", 0),
    ] {
        let dom = dom(&page, fragment);
        // The count is written by the page's own script; its row of hidden ones by the filter.
        assert!(dom.contains(&format!("<span id=\"shown\">{shown}</span>")), "{fragment}: {dom}");
        assert_eq!(dom.matches("hidden=\"\"").count() as u64, all as u64 - shown, "{fragment}");
        assert!(dom.contains("<title>Container audit") && !dom.contains("<title>owned"));
        assert!(dom.contains("&lt;script&gt;document.title"), "the name is shown as it is");
    }
}
