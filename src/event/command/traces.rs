//! The table of paths and texts that tell by themselves what a command does, whatever program they are given to.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::category::Category::{
    self, CoveringTracks, CredentialAccess, Destruction, Download, Enumeration, Escape, Miner, Persistence,
    ReverseShell, Shell, Tunnel, Upload,
};
use super::marks::Marks;

/// What a text means.
#[derive(Debug, Clone, Copy)]
pub enum Trace {
    /// This, unless it is only named.
    Used(Category, &'static str),
    /// This, where a program shows or copies what is in it.
    Shown(Category, &'static str),
    /// The same, and not in a substitution, where it becomes an argument.
    ShownOpenly(Category, &'static str),
    /// This, unless the program uses keys of its own.
    Key(Category, &'static str),
    /// This, where it is written to or removed.
    Written(Category, &'static str),
    /// This, where it or what is in it is removed.
    Removed(Category, &'static str),
    /// This, wherever it stands.
    Said(Category, &'static str),
    /// This, where the program is told to do it: no program only reads or names it.
    Told(Category, &'static str),
    /// A part of what code does.
    Mark(Marks),
}

impl Trace {
    /// The category that it may come to.
    pub fn category(self) -> Option<Category> {
        match self {
            Used(category, _)
            | Shown(category, _)
            | ShownOpenly(category, _)
            | Key(category, _)
            | Written(category, _)
            | Removed(category, _)
            | Said(category, _)
            | Told(category, _) => Some(category),
            Mark(_) => None,
        }
    }
}

use Trace::{Key, Mark, Removed, Said, Shown, ShownOpenly, Told, Used, Written};

/// Texts with `|` between them, and what they mean.
const TRACES: &[(&str, Trace)] = &[
    // Credentials.
    (
        "/etc/shadow|/etc/gshadow|/etc/security/opasswd|/etc/master.passwd|/etc/tcb/",
        Used(CredentialAccess, "T1003.008"),
    ),
    (
        "id_rsa|id_ed25519|id_ecdsa|id_dsa|.ssh/id_|/.ssh/*|.ssh/config|private.key |private.pem|privkey.pem|private-key.pem|private_key|.ppk ",
        Key(CredentialAccess, "T1552.004"),
    ),
    ("/etc/ssl/private|/etc/pki/tls/private|ssh_host_|/etc/kubernetes/pki", Shown(CredentialAccess, "T1552.004")),
    (
        "serviceaccount/token|secrets/kubernetes.io|eks.amazonaws.com/serviceaccount|secrets/eks.amazonaws",
        Used(CredentialAccess, "T1528"),
    ),
    ("/run/secrets", ShownOpenly(CredentialAccess, "T1552.001")),
    ("/environ", Shown(CredentialAccess, "T1552.001")),
    (
        ".aws/credentials|.aws/config|/var/lib/kubelet/|.azure/|gcloud/credentials|application_default_credentials|.config/gcloud|.boto|.s3cfg|.oci/config|.terraform.d/credentials|doctl/config|.bluemix|.aliyun/config|terraform.tfstate|.tfstate|.passwd-s3fs|.ossutilconfig|rclone.conf",
        Used(CredentialAccess, "T1552.001"),
    ),
    (
        ".docker/config.json|.dockercfg|.kube/config|/.kube |/.aws |/.ssh |/.docker |/.azure |/var/lib/etcd|/etc/kubernetes/admin.conf|kubelet.conf|/etc/rancher|kubeconfig",
        Shown(CredentialAccess, "T1552.007"),
    ),
    (
        ".git-credentials|.netrc|.pgpass|.my.cnf|.htpasswd|.vault-token|.pypirc|wp-config.php|.mylogin.cnf|/etc/mysql/debian.cnf|filezilla|.gem/credentials|.cargo/credentials|.composer/auth.json|gh/hosts.yml|/etc/redis/redis.conf|/etc/ldap.secret|tomcat-users.xml|.env.local|.env.production|/.env |master.key|secrets.yml|database.yml",
        Shown(CredentialAccess, "T1552.001"),
    ),
    ("_history |/.history", Shown(CredentialAccess, "T1552.003")),
    (
        "krb5.keytab|krb5cc_|/var/lib/sss/|/etc/sssd/sssd.conf|/var/lib/samba/private|secrets.tdb|ntds.dit",
        Shown(CredentialAccess, "T1558"),
    ),
    (
        ".gnupg|.password-store|login.keyring|.local/share/keyrings|logins.json|key3.db|key4.db|cookies.sqlite|Login Data|.mozilla/firefox|google-chrome/|.config/chromium|kwallet|wallet.dat|.bitcoin|.ethereum|.electrum|.config/Slack",
        Shown(CredentialAccess, "T1555"),
    ),
    (
        "169.254.169.254|metadata.google.internal|169.254.170.2|169.254.170.23|100.100.100.200|fd00:ec2::254|latest/meta-data|metadata/instance|computeMetadata|metadata.tencentyun|instance-data|2852039166|0xa9fea9fe|0xA9FEA9FE|latest/user-data|latest/api/token|[::ffff:a9fe:a9fe]",
        Said(CredentialAccess, "T1552.005"),
    ),
    ("/proc/kcore|/dev/mem|/dev/kmem|/dev/fmem|/proc/kallsyms", Shown(CredentialAccess, "T1003")),
    ("/mem |/maps ", Shown(CredentialAccess, "T1003.007")),
    // Ways to the host.
    (
        "core_pattern|release_agent|uevent_helper|notify_on_release|binfmt_misc|/proc/sysrq-trigger|/proc/sys/kernel|/proc/sys/fs|/sys/kernel/debug|/sys/fs/cgroup|/sys/module|/sys/firmware|/sys/fs/bpf|/sys/kernel/security",
        Written(Escape, "T1611"),
    ),
    ("/proc/sys/", Written(Escape, "T1599")),
    ("/proc/1/root|/proc/1/ns|/proc/1/cwd|/proc/1/fd|/proc/1/mem", Used(Escape, "T1611")),
    ("/proc/self/exe|/proc/self/mem|/proc/self/uid_map", Written(Escape, "T1611")),
    (
        "/proc/self/fd/7/../|/proc/self/fd/8/../|/proc/self/fd/9/../|/fd/7/..|/fd/8/..|../../../../../../",
        Used(Escape, "T1611"),
    ),
    ("docker.sock|containerd.sock|crio.sock|podman.sock|cri-dockerd.sock", Shown(Escape, "T1611")),
    (":2375/|:2376/|:10250/|:10255/", Told(Escape, "T1611")),
    (
        "/dev/sda|/dev/sdb|/dev/nvme0n1|/dev/vda|/dev/xvda|/dev/dm-|/dev/mapper/|/dev/mmcblk|/dev/hda",
        Shown(Escape, "T1006"),
    ),
    ("/dev/sda|/dev/sdb|/dev/nvme|/dev/vda|/dev/xvda|/dev/hda|/dev/mmcblk", Removed(Destruction, "T1561")),
    ("/proc/sysrq-trigger", Written(Destruction, "T1529")),
    (
        "dirtycow|dirty_cow|dirtypipe|dirty_pipe|pwnkit|PwnKit|CVE-20|cve-20|break-out-the-box|ebpf_escape|overlayfs_exploit|nsexec",
        Told(Escape, "T1068"),
    ),
    (
        "LD_PRELOAD=/tmp|LD_PRELOAD=/dev/shm|LD_PRELOAD=/var/tmp|LD_PRELOAD=/home|LD_PRELOAD=./|LD_PRELOAD=$|LD_LIBRARY_PATH=/tmp|LD_LIBRARY_PATH=/dev/shm|LD_AUDIT=",
        Said(Persistence, "T1574.006"),
    ),
    ("/etc/kubernetes/manifests|/etc/kubernetes/", Written(Escape, "T1610")),
    ("GLIBC_TUNABLES=glibc.malloc", Said(Escape, "T1068")),
    // What stays.
    (
        "/etc/cron|/var/spool/cron|/var/spool/anacron|/etc/anacrontab|/etc/at.|/var/spool/at",
        Written(Persistence, "T1053.003"),
    ),
    ("authorized_keys|/.ssh/rc|/etc/ssh/sshd_config|.ssh/authorized|/root/.ssh", Written(Persistence, "T1098.004")),
    ("/etc/passwd|/etc/shadow|/etc/group|/etc/gshadow|/etc/subuid", Written(Persistence, "T1136.001")),
    ("/etc/sudoers|/etc/doas.conf|/etc/polkit-1|/etc/security/", Written(Persistence, "T1548.003")),
    (
        "/etc/ld.so|ld.so.preload|/lib64/ld-|/lib/ld-|libc.so.6|/lib/x86_64-linux-gnu/lib|/usr/lib/x86_64-linux-gnu/lib",
        Written(Persistence, "T1574.006"),
    ),
    (
        "/etc/profile|bash.bashrc|.bashrc|.bash_aliases|.bash_profile|.bash_login|.bash_logout|.profile|.zshrc|.zprofile|.zshenv|.zlogin|/etc/zsh|.cshrc|.tcshrc|config.fish|/etc/environment|/etc/skel|.xinitrc|.xprofile|.pam_environment|.vimrc|/etc/bashrc|.shrc|.kshrc|.login ",
        Written(Persistence, "T1546.004"),
    ),
    (
        "/etc/rc.local|/etc/rc.d|/etc/rc.common|/etc/init.d|/etc/inittab|/etc/rc0.d|/etc/rc3.d|/etc/rc5.d|/etc/rc6.d|/etc/rcS.d|/etc/init/|/etc/local.d|/etc/conf.d",
        Written(Persistence, "T1037.004"),
    ),
    (
        "/etc/systemd|/lib/systemd|.config/systemd|/run/systemd/system|/usr/local/lib/systemd",
        Written(Persistence, "T1543.002"),
    ),
    (".config/autostart|/etc/xdg/autostart", Written(Persistence, "T1547.013")),
    ("/etc/pam.d|/lib/security/|pam_unix.so|pam_permit.so|/etc/nsswitch", Written(Persistence, "T1556.003")),
    (
        "/etc/update-motd.d|/etc/udev|/etc/apt/apt.conf.d|/etc/dnf/plugins|/etc/yum/pluginconf|/etc/NetworkManager/dispatcher|/etc/dhcp/dhclient|/etc/network/if-|/etc/logrotate.d|/etc/modules|/etc/modprobe.d|/etc/kernel|/etc/grub|/boot/grub|/etc/default/grub|/etc/emacs|site-packages/usercustomize|.git/hooks|sitecustomize|/etc/python|/etc/acpi|.config/nvim",
        Written(Persistence, "T1546"),
    ),
    ("<?php|eval($_|$_POST|$_GET[|$_REQUEST|shell.php|cmd.php|c99.php|r57|.jsp ", Written(Persistence, "T1505.003")),
    ("eval($_|eval(base64_decode|system($_|passthru($_|shell_exec($_|exec($_", Said(Persistence, "T1505.003")),
    ("/etc/hosts|/etc/resolv.conf", Removed(Persistence, "T1565.001")),
    // Traces.
    (
        "/var/log|/var/adm|/var/run/utmp|/var/run/wtmp|/run/utmp|wtmp|btmp|lastlog|/var/spool/mail|/var/mail|/run/log/journal|-json.log",
        Removed(CoveringTracks, "T1070.002"),
    ),
    ("_history", Removed(CoveringTracks, "T1070.003")),
    ("_history", Written(CoveringTracks, "T1070.003")),
    (
        "HISTFILE=|HISTSIZE=0|HISTFILESIZE=0|HISTCONTROL=|HISTIGNORE=|SAVEHIST=0|HISTSIZE=-1",
        Said(CoveringTracks, "T1562.003"),
    ),
    (
        "/etc/rsyslog|/etc/syslog|/etc/audit|/etc/auditd|/etc/selinux|/etc/apparmor|/etc/iptables|/etc/sysconfig/iptables|/etc/fail2ban|/sys/kernel/tracing|tracing_on|/selinux/enforce|/var/ossec|/etc/falco|/etc/firewalld|/etc/ufw|/opt/CrowdStrike|/etc/osquery",
        Written(CoveringTracks, "T1562.001"),
    ),
    // Variables that make a program run another.
    (
        "PERL5DB=|PERL5OPT=|LESSOPEN=|LESSCLOSE=|BASH_ENV=|PYTHONSTARTUP=|GIT_SSH_COMMAND=|MANPAGER=|PROMPT_COMMAND=|RUBYOPT=|GCONV_PATH=",
        Said(Shell, "T1574"),
    ),
    // Ways in and out.
    ("/inet/tcp|/inet/udp|/inet4/tcp|/inet6/tcp|zsh/net/tcp|ztcp ", Said(ReverseShell, "T1059.004")),
    ("/dev/tcp/|/dev/udp/", Mark(Marks::DEVICE)),
    ("socks5://|socks5h://|socks4://|SOCKS4A:|SOCKS4:|SOCKS5:", Told(Tunnel, "T1572")),
    ("telnet://|TCP-LISTEN:|TCP4-LISTEN:|OPENSSL-LISTEN:|PROXY:", Told(Tunnel, "T1090")),
    (
        ".onion|ngrok.io|ngrok-free|trycloudflare|serveo.net|localhost.run|pinggy|portmap.io|loca.lt",
        Told(Tunnel, "T1572"),
    ),
    (
        "transfer.sh|file.io|0x0.st|termbin|pastebin.com/api|requestbin|webhook.site|pipedream.net|burpcollaborator|interact.sh|oast.|oastify|dnslog|discord.com/api/webhooks|api.telegram.org/bot|anonfiles|gofile.io|bashupload|temp.sh|ix.io|sprunge",
        Told(Upload, "T1567"),
    ),
    (
        "urlretrieve|urlopen|urllib|requests.get|requests.post|file_get_contents(|LWP::|Net::HTTP|open-uri|open(\"http|open('http|http.get(|https.get(|http.request|fetch(|WebClient|HTTP::Tiny|curl_exec|curl_init|ftplib|System.Net|IO.copy|download(",
        Mark(Marks::FETCH),
    ),
    ("pastebin.com/raw|raw.githubusercontent.com|gist.github", Told(Download, "T1105")),
    // Code.
    (
        "socket.|socket(|Socket|fsockopen|pfsockopen|stream_socket|net.connect|createConnection|socket.tcp|require('net|require(\"socket|require('socket|node:net|[socket |require(\"net\")|net.Dial|TCPServer|use IO|socketpair|socket -|UnixStream|createServer(|asyncio.open_connection",
        Mark(Marks::SOCKET),
    ),
    (
        "subprocess|run(pipeline|run(`|Cmd(|exec.Command|pty.|exec(|exec |system(|system |popen|spawn|child_process|dup2|proc_open|shell_exec|passthru|ProcessBuilder|getRuntime|/bin/sh|/bin/bash|os.exec|Popen|%x|execve|setuid(|setsid",
        Mark(Marks::SPAWN),
    ),
    (
        "b64decode|base64|unhexlify|fromhex|('hex')|atob(|fromCharCode|pack('H|pack(\"H|unpack(|gzinflate|gzuncompress|str_rot13|MIME::Base64|Buffer.from(|decode64|rot13|zlib.decompress|chr(|codecs.decode|marshal.loads|bytes.fromhex|hex2bin|String.fromCharCode",
        Mark(Marks::DECODE),
    ),
    (
        "exec(|eval(|eval |instance_eval|assert(|create_function|compile(|__import__|loadstring|Function(|runInThisContext|require(\"vm\")|load(|system(",
        Mark(Marks::EVAL),
    ),
    (
        "\"w|'w|write|file_put|fputs|print > |print >> |appendFile|copyfile|put-content|openout|'a'|\"a\"|> \"|>> \"",
        Mark(Marks::WRITE),
    ),
    // Shells that another program is told to open.
    (
        "/bin/sh|/bin/bash|/bin/dash|/bin/zsh|/bin/ash|/bin/ksh|/bin/csh|exec sh|exec bash|!sh|!bash|! sh|spawn sh|spawn bash|;sh|sh 0<&2|sh -i|bash -i|sh -p|bash -p|\"sh\"|'sh'|os.execute|os.system|pty.spawn",
        Told(Shell, "T1059.004"),
    ),
    // Miners.
    (
        "stratum+|stratum2+|stratum1+|stratum://|minexmr|nanopool|supportxmr|moneroocean|hashvault|c3pool|2miners|f2pool.com|nicehash|ethermine|herominers|--donate-level|--randomx|cryptonight|--coin=|--coin |--rig-id|kdevtmpfsi|kinsing|xmrig|unmineable|monerohash|dwarfpool|minergate|xmrpool|poolto.be|antpool|slushpool|viabtc|zergpool|mining.pool|monero.|-a rx/|rx/0|--cpu-priority|pool.hashvault|cpu-max-threads-hint|crypto-pool|prohash|zpool.ca|xmr.pool|xmr.|etc.pool|eth.pool|ton.pool|nimiq|--algo=|--nicehash|-o pool|gulf.moneroocean|miner.rocks|pool.support|xmrig-proxy|ethash|kawpow|autolykos|equihash|verushash|argon2/chukwa|ghostrider|--wallet |--wallet-address|--mining-threads|--daemon-rpc-address|--mining-address|--daemon-address",
        Told(Miner, "T1496"),
    ),
    (
        "linpeas|LinEnum|linenum|linux-exploit-suggester|linux-smart-enumeration|unix-privesc-check|linuxprivchecker|PEASS-ng|pspy64|pspy32|deepce|amicontained|kdigger|/peirates",
        Told(Enumeration, "T1082"),
    ),
    // The end.
    (":(){|(){ :|};:", Said(Destruction, "T1499")),
];

/// One search for all of them, and which means what.
struct Search {
    texts: AhoCorasick,
    traces: Vec<Trace>,
}

fn search() -> Option<&'static Search> {
    static SEARCH: OnceLock<Option<Search>> = OnceLock::new();
    let make = || {
        let each = || TRACES.iter().flat_map(|(texts, trace)| texts.split('|').map(move |text| (text, *trace)));
        let texts = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::Standard)
            .build(each().map(|(text, _)| text).filter(|text| !text.is_empty()))
            .ok()?;
        let traces = each().filter(|(text, _)| !text.is_empty()).map(|(_, trace)| trace).collect();
        Some(Search { texts, traces })
    };
    SEARCH.get_or_init(make).as_ref()
}

/// What stands in a text, each with its place.
pub fn of(text: &str) -> impl Iterator<Item = (Trace, usize)> {
    search().into_iter().flat_map(move |search| {
        let matches = search.texts.find_overlapping_iter(text);
        matches.filter_map(move |found| Some((*search.traces.get(found.pattern().as_usize())?, found.start())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_technique_is_one_that_wazuh_knows() {
        let known = include_str!("../../../tests/rules/attack-13.1.txt");
        for (texts, trace) in TRACES {
            let (Used(_, technique)
            | Shown(_, technique)
            | ShownOpenly(_, technique)
            | Key(_, technique)
            | Written(_, technique)
            | Removed(_, technique)
            | Said(_, technique)
            | Told(_, technique)) = trace
            else {
                continue;
            };
            assert!(known.split_whitespace().any(|id| id == *technique), "{texts}: {technique}");
        }
    }

    #[test]
    fn texts_are_found_where_they_stand() {
        let found: Vec<usize> = of("cat /etc/shadow ").map(|(_, at)| at).collect();
        assert!(found.contains(&4));
        assert_eq!(of("nginx -t ").count(), 0);
    }
}
