//! The table of programs: what each does with which arguments.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::category::Category;
use super::category::Category::{
    ContainerTool, CoveringTracks, CredentialAccess, Destruction, Discovery, Download, Enumeration, Escape,
    InterpreterCode, Miner, PackageManager, Persistence, ReverseShell, Scanner, Shell, Tunnel, Upload,
};
use super::condition::If::{self, All, Any, Bare, Begins, First, Has, Not, One, Option as Opt, Word};
use super::names::{self, Kinds};
use super::wrappers::{self, Runs};

/// Names with blanks between them, what must hold, what it is then, and the technique of MITRE ATT&CK 13.1.
type Row = (&'static str, If, Category, &'static str);

/// Folders without which nothing runs, or with which everything is gone.
const SYSTEM: If = Word(
    "/|/*|/.|/..|/bin|/boot|/dev|/etc|/home|/lib|/lib64|/root|/sbin|/sys|/usr|/var|/bin/|/boot/|/etc/|/home/|/lib/|\
     /root/|/sbin/|/usr/|/var/|/bin/*|/boot/*|/etc/*|/home/*|/lib/*|/root/*|/sbin/*|/usr/*|/var/*|/dev/*|/var/lib|\
     /var/lib/|/var/lib/*|/usr/bin|/usr/bin/*|/usr/lib|/usr/lib/*|/usr/sbin|/usr/sbin/*|/var/lib/docker|/var/lib/docker/*|/var/lib/etcd|/var/lib/mysql|/var/lib/mysql/*|/var/lib/postgresql|/var/lib/postgresql/*|/var/lib/postgresql/data|/var/lib/postgresql/data/*|/var/lib/mongodb|/var/lib/containerd|/var/lib/kubelet|/var/lib/elasticsearch|/var/lib/rabbitmq|\
     /host|/host/|/host/*|~|~/|~/*|$HOME|$HOME/*|/var/backups|/var/backups/*|/backup|/backup/*|/backups/*|/proc|/etc/ssl",
);

/// The blocks of a disk.
const DISK: If =
    Has("/dev/sd|/dev/hd|/dev/vd|/dev/xvd|/dev/nvme|/dev/mapper/|/dev/dm-|/dev/mmcblk|/dev/disk/|/dev/loop|/dev/md");

/// What guards and records.
const GUARDS: &str = "syslog|auditd|firewalld|ufw|iptables|apparmor|falco|wazuh|ossec|osquery|crowdsec|fail2ban|crowdstrike|\
     falcon|journald|sysmon|clamav|clamd|selinux|filebeat|auditbeat|fluent|cbdaemon|cbagent|mdatp|sophos|s1agent|sentinel|\
     aegis|aliyun|cloudmonitor|qcloud|bcm-agent|tetragon|tracee|snort|suricata|nessus|rkhunter|chkrootkit|logrotate";

const URL: If = Has("http://|https://|ftp://|ftps://|sftp://|tftp://|scp://|smb://|dict://|gopher://|telnet://");

/// Where a host stands behind an `@` or before a `:`.
const REMOTE: If = One(&[Has("@|::"), Begins("rsync://"), Has(":/|:~|:.")]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Shells.
    ("sh bash ash dash zsh ksh ksh93 mksh lksh oksh loksh csh tcsh fish rbash rzsh hush sash yash elvish pwsh powershell \
      nu xonsh bash-static osh rc posh cmd.exe", Any, Shell, "T1059.004"),
    ("su", Any, Shell, "T1548"),
    ("capsh", Word("--"), Shell, "T1059.004"),
    ("chroot", First("/"), Shell, "T1059.004"),
    ("systemd-run openvt minicom", Any, Shell, "T1059.004"),
    ("dnsmasq", Has("--conf-script"), Shell, "T1059.004"),
    ("service", Has("../"), Shell, "T1059.004"),
    ("ssh-keygen", Opt("D", ""), Shell, "T1059.004"),
    ("mysql mariadb", Has("--default-auth"), Shell, "T1059.004"),
    ("gdb sqlite3 psql mysql dvips java", Has("load_extension|.load|Shell|-R0"), Shell, "T1059.004"),
    ("sudo doas", Opt("is", "login|shell"), Shell, "T1548.003"),
    ("sudo", Has("-u#-1|-u#4294967295"), Escape, "T1548.003"),
    ("pkexec", Any, Shell, "T1548"),
    ("script", Any, Shell, "T1059.004"),
    ("expect", Any, InterpreterCode, "T1059"),
    ("busybox toybox", First("sh|ash|hush"), Shell, "T1059.004"),
    // Programs that can be told to run a shell.
    ("vi vim vim.basic vim.tiny nvim view rvim rview vimdiff ex emacs", Opt("c", "cmd|eval|e"), InterpreterCode, "T1059"),
    ("vi vim vim.basic vim.tiny nvim view rvim rview vimdiff ex ed nano pico emacs less more most man pg", Has("/bin/sh|/bin/bash|:!|:shell|:sh|!sh|!/"), Shell, "T1059.004"),
    ("awk gawk mawk nawk original-awk", Has("system(|getline|system (|@load|popen"), InterpreterCode, "T1059"),
    ("awk gawk mawk nawk original-awk", Has("system(|system ("), Shell, "T1059.004"),
    ("sed", One(&[Has("1e |e exec|s/x/x/e|/e;"), Word("e"), Opt("", "expression=1e")]), Shell, "T1059.004"),
    ("tar", Has("checkpoint-action|to-command|use-compress-program=|-I "), Shell, "T1059.004"),
    ("zip", Has("-TT|--unzip-command"), Shell, "T1059.004"),
    ("split", Has("--filter"), Shell, "T1059.004"),
    ("tcpdump", Opt("z", ""), Shell, "T1059.004"),
    ("git", Has("PAGER=|core.pager|core.sshCommand|ext::|core.fsmonitor|--exec"), Shell, "T1059.004"),
    ("make gmake", Has("--eval"), Shell, "T1059.004"),
    ("sqlite3", Has(".shell|.system|load_extension|fts3_tokenizer"), Shell, "T1059.004"),
    ("mysql mariadb psql", Has("\\! |system |\\!/|TO PROGRAM|FROM PROGRAM|sys_exec|sys_eval|lo_import|COPY ("), Shell, "T1059.004"),
    ("redis-cli", Has("module load|config set dir|CONFIG SET dir|MODULE LOAD|slaveof|SLAVEOF|replicaof|package.loadlib"), Persistence, "T1505"),
    ("rsync", One(&[Opt("e", "rsh"), Has("--rsh")]), Shell, "T1059.004"),
    ("ssh", Has("ProxyCommand|LocalCommand"), Shell, "T1059.004"),
    ("openvpn", Has("--up|--script-security"), Shell, "T1059.004"),
    ("run-parts", Has("/bin|--regex"), Shell, "T1059.004"),
    ("nmap", Has("--interactive|--script=/|--script /|/tmp"), InterpreterCode, "T1059"),
    ("gdb", Opt("x", "ex|eval-command|batch|nx"), InterpreterCode, "T1059"),
    ("gdb", Has("python|!sh|shell|/bin/"), Shell, "T1059.004"),
    ("gdb gdbserver", One(&[Opt("p", "pid|attach|multi"), Has("attach")]), Escape, "T1055.008"),
    ("strace ltrace", Opt("p", "attach|pid"), CredentialAccess, "T1055.008"),
    ("screen tmux byobu dtach abduco zellij", Any, Shell, "T1059.004"),
    ("aa-exec cobc crash dmsetup dvips easyrsa eb enscript facter fish genie ginsh gimp git-shell joe \
      jjs jtag ksshell latex latexmk lualatex luatex mail multitime \
      ncftp neofetch octave octave-cli pdflatex pdftex psftp pic puppet rake rlogin rpmdb \
      rpmverify runscript scrot sg slsh sshpass ssh-agent sysstat tasksh tdbtool \
      tex texindex tmate valgrind vagrant varnishncsa vigr vipw wish xelatex xetex xdg-user-dir xdotool zathura zsoelim", Has("sh|exec|system"), Shell, "T1059.004"),
    // Interpreters.
    ("python pypy jython ipython micropython bpython", One(&[Opt("c", ""), Word("-"), Has("-c'|pty.spawn")]), InterpreterCode, "T1059.006"),
    ("perl perlbrew raku perl6", Opt("eE", ""), InterpreterCode, "T1059"),
    ("ruby jruby irb mruby rake", One(&[Opt("e", "eval"), Has("-rsocket|-ropen-uri|-run")]), InterpreterCode, "T1059"),
    ("node nodejs deno bun iojs", One(&[Opt("ep", "eval|print|e|p"), First("eval|repl")]), InterpreterCode, "T1059.007"),
    ("php php-cgi hhvm", Opt("rBR", "run|r"), InterpreterCode, "T1059"),
    ("lua luajit texlua tarantool", Opt("e", ""), InterpreterCode, "T1059"),
    ("tclsh wish", Any, InterpreterCode, "T1059"),
    ("jrunscript jjs jshell groovy groovysh scala kotlinc kotlin clojure bsh nashorn", Any, InterpreterCode, "T1059"),
    ("julia elixir erl R Rscript guile racket octave octave-cli gnuplot ghc runghc ghci sbcl clisp maxima swipl gst \
      ocaml escript iex scheme csi janet", One(&[Opt("eErx", "eval|expr|run|command|e|c"), Has("system")]), InterpreterCode, "T1059"),
    ("gcc g++ cc tcc clang as ld go rustc javac", One(&[Has("-run|-wrapper|-x c"), First("run")]), InterpreterCode, "T1027.004"),
    ("gcc g++ cc tcc clang rustc javac", Has(".c|.rs|.java"), InterpreterCode, "T1027.004"),
    ("osascript wscript cscript knife rails dotnet-script csi irb pry ipython bpython ptpython", One(&[Opt("eEr", "exec|runner"), First("exec|runner|console"), Bare]), InterpreterCode, "T1059"),
    ("ansible ansible-playbook puppet salt-call chef-client", Any, InterpreterCode, "T1072"),
    // Ways in and out.
    ("nc ncat netcat nc.traditional nc.openbsd nc6 cryptcat rcat rustcat dbd sbd", One(&[Opt("e", "exec|sh-exec|lua-exec"), Opt("c", ""), Word("exec")]), ReverseShell, "T1095"),
    ("nc ncat netcat nc.traditional nc.openbsd nc6 cryptcat rcat rustcat dbd sbd", Not(&One(&[Opt("z", ""), Opt("h", "help|version")])), Tunnel, "T1095"),
    ("nc ncat netcat nc.traditional nc.openbsd", All(&[Opt("z", ""), Has("-65|-1000|-10000|-9999|-1024|-443|1-|20-|21-|22-")]), Scanner, "T1046"),
    ("socat", Has("EXEC:|exec:|SYSTEM:|system:|SHELL:|Exec:|System:"), ReverseShell, "T1095"),
    ("socat", Not(&Opt("V", "version")), Tunnel, "T1090"),
    ("telnet", Not(&Bare), Tunnel, "T1095"),
    ("openssl", All(&[First("s_client|s_server"), One(&[Opt("", "quiet|accept|port"), Word("s_server")])]), ReverseShell, "T1573.002"),
    ("openssl", All(&[First("enc|rsautl|pkeyutl"), Opt("", "out|e|aes-256-cbc"), Not(&Opt("d", "d"))]), Upload, "T1486"),
    ("openssl", One(&[Has("-engine"), First("req")]), InterpreterCode, "T1574"),
    ("ssh autossh dropbear dbclient sshpass", Opt("RLDw", ""), Tunnel, "T1572"),
    ("ssh autossh dbclient plink", Not(&Bare), Upload, "T1021.004"),
    ("ngrok chisel frpc frps lt bore rathole gost iodine iodined dnscat dnscat2 ptunnel ptunnel-ng stunnel stunnel4 \
      sshuttle proxychains proxychains4 ligolo ligolo-ng ligolo-agent ew ew_for_linux64 revsocks regeorg neoreg wstunnel tor torsocks torify \
      microsocks 3proxy hans pwnat inlets pagekite rpivot pivotnacci icmptunnel icmpsh htc hts httptunnel udp2raw kcptun \
      shadowsocks ss-local ss-server v2ray xray trojan hysteria sing-box nps npc lcx earthworm goproxy gsocket gs-netcat \
      gs-bd tmate teleconsole localtunnel localxpose loclx zrok playit telebit remoteit dnstt-client", Any, Tunnel, "T1572"),
    ("code code-server code-insiders", First("tunnel"), Tunnel, "T1572"),
    ("devtunnel", Any, Tunnel, "T1572"),
    ("socket", Opt("svpqlc", ""), ReverseShell, "T1095"),
    ("cloudflared tailscale tailscaled zerotier-cli zerotier-one nebula openvpn", All(&[Not(&Bare), Not(&First("status|version|netcheck|ping|ip"))]), Tunnel, "T1090"),
    ("pwncat pwncat-cs msfconsole msfvenom meterpreter sliver sliver-client villain merlin havoc mythic poshc2 empire beacon \
      revshell reverse_shell reverse-shell revsh bindshell bind_shell backdoor tsh tshd weevely prism pupy pupysh ptcp kbd", Any, ReverseShell, "T1059.004"),
    ("xterm", Has("-display"), ReverseShell, "T1059.004"),
    ("ssh-keyscan", Any, Scanner, "T1046"),
    // Files from and to elsewhere.
    ("curl", All(&[Not(&Opt("", "version|help")), Not(&Bare)]), Download, "T1105"),
    ("wget wget2 aria2c axel lwp-download lwp-request lwp-mirror httpie http https xh curlie lynx links elinks w3m \
      tftp atftp ftp ncftp lftp ncftpget ftpget sftp scp pscp psftp fetch prozilla youtube-dl yt-dlp snarf puf mget \
      smbget hg svn cvs bzr fossil rcp uucp zsync transmission-cli certutil bitsadmin finger whois", Not(&One(&[Opt("V", "version|help"), First("--version|status|log|diff|info")])), Download, "T1105"),
    ("git", First("clone|fetch|pull|ls-remote|submodule|archive"), Download, "T1105"),
    ("git", First("push|send-email|bundle"), Upload, "T1567.001"),
    ("rsync", REMOTE, Download, "T1105"),
    ("smbclient cifs-utils mount.cifs", Any, Download, "T1105"),
    ("aws", Has("s3 |s3api |secretsmanager|ssm |sts |iam |ec2 |ecr "), Upload, "T1567.002"),
    ("aws", Has("get-secret-value|get-parameter|get-session-token|assume-role|iam |create-access-key|get-login-password|configure get|export-credentials"), CredentialAccess, "T1552"),
    ("gsutil rclone azcopy mc s3cmd s5cmd gdrive mega-put megaput dropbox_uploader croc wormhole magic-wormhole ffsend transfer \
      transfer.sh bashupload restic duplicity kopia megatools onionshare sendfile filebrowser", Any, Upload, "T1567.002"),
    ("gcloud az", Any, Upload, "T1567.002"),
    ("gcloud", Has("print-access-token|print-identity-token|secrets versions"), CredentialAccess, "T1528"),
    ("az", Has("get-access-token|keyvault secret"), CredentialAccess, "T1528"),
    ("curl", One(&[Opt("TFd", "upload-file|form|data|data-binary|data-raw|data-urlencode|json"), Has("-XPUT|-X PUT|--upload|-XPOST|-X POST|transfer.sh|0x0.st|file.io|pastebin|paste.|termbin")]), Upload, "T1048"),
    ("wget wget2", Opt("", "post-file|body-file|post-data|method"), Upload, "T1048"),
    ("python", All(&[Opt("m", ""), Has("http.server|SimpleHTTPServer|pyftpdlib|uploadserver|smtpd|wsgiref")]), Upload, "T1048"),
    ("php", Opt("S", ""), Upload, "T1048"),
    ("ruby", Has("-run|httpd"), Upload, "T1048"),
    ("busybox httpd webfsd twistd darkhttpd thttpd mini_httpd miniserve lighttpd-angel updog http-server serve ftpd tcpsvd", First("httpd|web|ftp|.|/|-p"), Upload, "T1048"),
    ("scp sftp rsync tftp ftp lftp ncftpput ftpput smbclient croc rcp uucp pscp", REMOTE, Upload, "T1048"),
    ("mail mailx sendmail mutt msmtp ssmtp swaks uuencode nail s-nail", Any, Upload, "T1048.003"),
    ("dig nslookup host drill kdig", Has("axfr|AXFR|srv|SRV|any.any| ANY| any"), Scanner, "T1018"),
    ("dig nslookup host drill kdig", Any, Discovery, "T1016"),
    ("ab cancel", Has("-p|-h"), Upload, "T1048"),
    // Renamed programs are known by their arguments.
    ("", All(&[URL, One(&[Opt("oO", "output|output-document|remote-name|spider|insecure"), Word("-sSL|-fsSL|-sL|-qO-|-LO|-sk|-k|-sS")])]), Download, "T1105"),
    ("", One(&[Has("EXEC:/|exec:/|SYSTEM:/|EXEC:\"|EXEC:'|EXEC:sh|EXEC:bash|SYSTEM:sh"), Has("-e /bin/sh|-e /bin/bash|-e sh |-e bash|-c /bin/sh|-lvnp|-lvp|-nlvp|-lnvp|-nvlp")]), ReverseShell, "T1095"),
    ("", All(&[Has("stratum|pool."), Opt("ou", "url|user|pool")]), Miner, "T1496"),
    ("", All(&[Opt("o", "url"), Opt("u", "user"), Opt("p", "pass"), Has(":3333|:4444|:5555|:7777|:14444|:8080|:80|:443|:9999|:14433|:45700|:10128|:20128")]), Miner, "T1496"),
    // Package managers.
    ("apk apt apt-get aptitude dnf microdnf yum tdnf zypper pacman yay paru opkg emerge xbps-install xbps-remove eopkg \
      urpmi slackpkg installpkg swupd nix nix-env nix-shell nix-channel guix snap flatpak brew port pkg pkg_add pkgin pip pipx uv uvx poetry pdm rye pipenv \
      conda mamba micromamba easy_install npm npx pnpm pnpx yarn bower volta gem cpan cpanm cpanminus pear pecl \
      luarocks nuget cargo stack cabal opam tlmgr vcpkg conan asdf sdk rpm-ostree dpkg rpm alien apt-key add-apt-repository \
      ipkg tazpkg apm xpkg spack pkcon dselect synaptic gdebi dpkg-deb apt-add-repository sorcery pkgmgr rustup nvm pyenv rbenv", Not(&One(&[Opt("", "version"), Bare])), PackageManager, "T1072"),
    ("dpkg rpm", Opt("iUFer", "install|upgrade|erase|purge|remove|import|eval"), PackageManager, "T1072"),
    ("bundle bundler composer go dotnet mix rebar3 dart flutter pub deno bun swift mvn gradle sbt lein julia crystal shards zef raku nimble \
      dub haxelib hex elm spago esy uv", First("install|add|require|update|get|restore|upgrade|tool|deps.get|deps|global|remove|download|create-project|package|x|i|clean"), PackageManager, "T1072"),
    ("python", All(&[Opt("m", ""), Has("pip |ensurepip|easy_install|pip install|pipx|venv")]), PackageManager, "T1072"),
    ("perl", Has("MCPAN|CPAN"), PackageManager, "T1072"),
    ("R Rscript", Has("install.packages"), PackageManager, "T1072"),
    ("wp drush", First("plugin|theme|pm:install|core"), PackageManager, "T1072"),
    // Ways to the host.
    ("nsenter", Not(&Opt("hV", "help|version")), Escape, "T1611"),
    ("unshare", Not(&Opt("hV", "help|version")), Escape, "T1611"),
    ("chroot pivot_root switch_root", All(&[Not(&Bare), Not(&First("/"))]), Escape, "T1611"),
    ("mount mount.nfs", All(&[Not(&Bare), Not(&Word("tmpfs|nfs|nfs4|cifs")), Not(&Has("/proc/[|/dev/shm /proc"))]), Escape, "T1611"),
    ("mount", Has("/proc/"), CoveringTracks, "T1564"),
    ("mount", All(&[Opt("a", "all")]), Discovery, "T1082"),
    ("umount", Any, Discovery, "T1082"),
    ("losetup", Not(&One(&[Bare, Opt("al", "all|list")])), Escape, "T1611"),
    ("fuse-overlayfs fusermount mount.fuse dmsetup", Any, Escape, "T1611"),
    ("mknod", Word("b|c|u"), Escape, "T1611"),
    ("mknod", Word("p"), InterpreterCode, "T1059.004"),
    ("mkfifo", Any, InterpreterCode, "T1059.004"),
    ("insmod rmmod kmod dkms", Not(&One(&[Opt("V", "version"), First("list|static-nodes")])), Escape, "T1014"),
    ("modprobe depmod", Not(&One(&[Opt("nlc", "show-depends|list|version|dry-run|showconfig"), First("list|static-nodes")])), Escape, "T1547.006"),
    ("debugfs kexec xfs_db e2image fsdbg drgn crash bpftool bpftrace", Not(&Opt("V", "version")), Escape, "T1611"),
    ("bpftool", First("prog|map|net|cgroup"), Escape, "T1611"),
    ("capsh", Opt("", "gid|uid|user|chroot|inh|addamb|secbits|keep"), Escape, "T1548"),
    ("capsh", Opt("", "print|decode"), Discovery, "T1613"),
    ("sysctl", All(&[One(&[Opt("wp", "write|load"), Has("=")]), Has("kernel.|fs.|user.")]), Escape, "T1611"),
    ("sysctl", Opt("a", "all"), Discovery, "T1082"),
    ("setns cdk botb break-out-the-box deepce deepce.sh traitor dirtycow dirtypipe pwnkit cve-2021-4034 shocker runc-exploit", Any, Escape, "T1611"),
    ("runc crun kata-runtime", First("run|exec|create|--root"), Escape, "T1611"),
    ("docker podman nerdctl ctr kubectl crictl oc docker-compose", Has("-v /:|--volume /:|--volume=/:|-v=/:|source=/,|src=/,|--privileged|--pid=host|--pid host|--net=host|--network=host|--userns=host|hostPID|hostNetwork|hostPath|privileged\":|cap-add|docker.sock|containerd.sock|nsenter|chroot"), Escape, "T1611"),
    ("lxc", Has("security.privileged|source=/"), Escape, "T1611"),
    ("dd", All(&[DISK, Has("if=")]), Escape, "T1006"),
    ("dd", All(&[DISK, Has("of=/dev/")]), Destruction, "T1561"),
    ("dd", All(&[Has("if=/dev/zero|if=/dev/urandom|if=/dev/random"), Has("of=/etc|of=/bin|of=/usr|of=/var|of=/boot|of=/root|of=/home|of=/lib")]), Destruction, "T1485"),
    // Credentials.
    ("john hashcat hydra xhydra medusa ncrack patator crowbar thc-hydra brutespray kerbrute pamspy", Any, CredentialAccess, "T1110"),
    ("unshadow pwdump mimipenguin mimipenguin.sh lazagne lazagne.py swap_digger linikatz linikatz.sh keydump sshspray truffle \
      gitleaks trufflehog secretsdump.py impacket-secretsdump keytabextract tickey procdump gcore hashdump samdump2 chntpw \
      laZagne laZagne.py mimikatz kerberoast impacket-getuserspns jackit noseyparker dumpcreds firefox_decrypt firefox_decrypt.py linux_dump 3snake", Any, CredentialAccess, "T1003"),
    ("getent", First("shadow|gshadow"), CredentialAccess, "T1003.008"),
    ("grep egrep fgrep rg ag ack zgrep", All(&[One(&[Opt("rR", "recursive|include"), Has("/home|/root|/etc |/var/www|/opt |/srv")]), Has("passw|PASSW|Passw|secret|SECRET|token|TOKEN|api_key|apikey|API_KEY|BEGIN|PRIVATE KEY|credential|aws_|AWS_|AKIA|pwd|ssh-rsa")]), CredentialAccess, "T1552.001"),
    ("find locate fd fdfind plocate mlocate", Has("id_rsa|id_dsa|id_ed25519|id_ecdsa|.pem|*.key|*.ppk|*.p12|*.pfx|*.kdbx|*.jks|*.keytab|passw|credential|.aws|.netrc|.pgpass|htpasswd|wp-config|.env|.git-credentials|*.ovpn|authorized_keys|_history|.kube|shadow|.docker|*.tfstate|*.gpg|*secret*|*token*|krb5|.gnupg|*vault*|wallet"), CredentialAccess, "T1552.001"),
    ("kubectl oc", Has("get secret|get secrets|describe secret|create token|secrets -"), CredentialAccess, "T1552.007"),
    ("vault", First("kv|read|token|list"), CredentialAccess, "T1552"),
    ("keyctl secret-tool security pass gnome-keyring seahorse kwallet-query", First("show|search|lookup|read|print|dump|dump-keychain|find-generic-password|get"), CredentialAccess, "T1555"),
    ("gpg gpg2", Has("export-secret"), CredentialAccess, "T1552.004"),
    ("ssh-add", Opt("lL", ""), CredentialAccess, "T1552.004"),
    ("ssh-keygen", Opt("y", ""), CredentialAccess, "T1552.004"),
    ("klist kinit ktutil kdestroy", Any, CredentialAccess, "T1558"),
    // Looking around.
    ("id whoami who w uname hostname hostnamectl groups users last lastlog lastb finger ps top htop pstree lsof netstat ss ifconfig ip arp route \
      lsblk blkid df free uptime lscpu lspci lsusb lsmod lshw dmidecode lsns lslogins lsipc getent systemd-detect-virt virt-what \
      arch nproc vmstat iostat dmesg journalctl sestatus getenforce getcap rpcinfo showmount traceroute tracepath ping ping6 \
      mtr tree locale timedatectl localectl loginctl resolvectl nmcli iwconfig ethtool ipcs pgrep pmap findmnt mountpoint lsattr \
      aa-status apparmor_status iptables-save uname26 imds wmic systeminfo ipconfig net compgen printenv fdisk parted smbstatus \
      hostid logname tty pinky ac dpkg-query debsums dnsdomainname ifplugstatus ipmitool scutil sw_vers system_profiler csrutil dscl ldapsearch domainname neofetch inxi facter", Any, Discovery, "T1082"),
    ("env set export declare", Bare, Discovery, "T1082"),
    ("mount history alias jobs", Bare, Discovery, "T1082"),
    ("ls dir stat find cat head tail less more grep egrep awk cut strings file wc sort od", Has("/etc/passwd|/etc/group|/etc/os-release|-release|/etc/issue|/etc/hosts|/etc/resolv.conf|/etc/fstab|/etc/crontab|/etc/cron|/proc/|/root|/home|/etc/sudoers|/etc/ssh|/.dockerenv|/sys/|/etc/hostname|/etc/login.defs|/etc/nsswitch|/etc/pam|/etc/services|/etc/shells|/etc/profile|/etc/motd|authorized_keys|known_hosts|/var/log|/var/spool|docker.sock|/var/run/|/etc/"), Discovery, "T1083"),
    ("ls dir", One(&[Bare, Has("/|-la|-al|.")]), Discovery, "T1083"),
    ("find", Has("-perm|-writable|-user root|-nouser|-group|-readable|-type f|-executable|-name|-iname"), Discovery, "T1083"),
    ("which command type whereis locate", Has("gcc|nc|curl|wget|python|perl|docker|kubectl|socat|nmap|ssh|bash|php|ruby|nsenter"), Discovery, "T1518"),
    ("crontab", Opt("l", ""), Discovery, "T1053.003"),
    ("sudo", Opt("l", "list"), Discovery, "T1069.001"),
    ("iptables ip6tables nft ufw firewall-cmd", One(&[Opt("LS", "list|list-all|state"), First("list|status")]), Discovery, "T1518.001"),
    ("systemctl service chkconfig rc-status initctl", One(&[First("list-units|list-unit-files|status|list-timers|list-services|--status-all"), Bare]), Discovery, "T1007"),
    ("dpkg rpm apt apk pip yum brew", One(&[Opt("lqaL", "list|get-selections|query"), First("list|freeze|info|search")]), Discovery, "T1518"),
    ("nvidia-smi clinfo", Any, Discovery, "T1082"),
    ("echo", Has("/proc/|/sys/|$$|$PATH|$SHELL|$USER|$HOSTNAME|/home/*"), Discovery, "T1082"),
    ("linpeas linpeas.sh linenum linenum.sh LinEnum LinEnum.sh lse.sh linux-exploit-suggester linux-exploit-suggester.sh les.sh \
      linux-exploit-suggester-2.pl unix-privesc-check linuxprivchecker linuxprivchecker.py pspy pspy32 pspy64 amicontained kdigger peirates beroot.py suid3num.py sudo_killer.sh lynis \
      bashark.sh kubeletctl kube-hunter linux-smart-enumeration gtfonow traitor pe.sh uptux.py hunting.sh", Any, Enumeration, "T1082"),
    ("nmap masscan zmap rustscan unicornscan nikto gobuster ffuf dirb dirbuster wfuzz feroxbuster sqlmap naabu nuclei subfinder amass fping \
      hping hping3 arp-scan arping netdiscover enum4linux enum4linux-ng smbmap crackmapexec cme netexec nxc nbtscan snmpwalk snmp-check onesixtyone \
      tcpdump tshark dumpcap ngrep dsniff ettercap bettercap responder dnsenum dnsrecon fierce theHarvester whatweb wpscan kube-hunter zgrab zgrab2 httpx \
      p0f sslscan sslyze testssl.sh ike-scan rpcclient ldapdomaindump bloodhound-python evil-winrm wireshark scapy pnscan zmap6 fscan \
      gocan goby xray_scan scanner portscan skipfish arachni dirsearch sublist3r masscan64 banner punk.py", Not(&Opt("", "version")), Scanner, "T1046"),
    ("docker dockerd podman nerdctl ctr crictl kubectl oc helm runc crun buildah skopeo lxc lxd incus k3s k3d kubelet kubeadm \
      docker-compose minikube kind rkt singularity apptainer systemd-nspawn machinectl containerd img kaniko nomad kubeletctl istioctl eksctl calicoctl argocd k9s kubens kubectx docker-machine", Not(&Opt("", "version|help")), ContainerTool, "T1609"),
    ("etcdctl", Any, ContainerTool, "T1552.007"),
    // Miners.
    ("xmrig xmrigdaemon xmrigminer xmrigcc xmr-stak xmr-stak-cpu xmr-stak-rx minerd cpuminer cpuminer-multi cpuminer-opt cgminer bfgminer sgminer ethminer t-rex trex nbminer \
      lolminer phoenixminer ccminer claymore teamredminer gminer srbminer srbminer-multi nanominer wildrig nheqminer minergate minergate-cli \
      kdevtmpfsi kinsing kthreaddk watchbog sysrv xmrig-notls astrominer rqiner qubminer cpuminer-sse2 cpuminer-avx2 ewbf miniz minexmr progpowminer zecminer bminer xmr cnrig randomx-benchmark rigel bzminer onezerominer \
      packetcrypt deroplus dero-miner verus-solver hellminer ccminer-verus kaspaminer moneroocean p2pool peer2profit p2pclient honeygain packetstream psclient traffmonetizer earnapp repocket pawns-cli proxyrack bitping mysterium-node derohe-miner", Not(&Opt("", "version|help")), Miner, "T1496"),
    // What stays.
    ("crontab", Not(&One(&[Opt("l", ""), Opt("hV", "help|version")])), Persistence, "T1053.003"),
    ("at batch", Not(&One(&[Opt("lV", ""), First("rm")])), Persistence, "T1053.002"),
    ("atq", Any, Discovery, "T1053.002"),
    ("useradd adduser newusers groupadd addgroup", Not(&Opt("D", "help|defaults")), Persistence, "T1136.001"),
    ("usermod gpasswd chpasswd passwd vipw vigr chsh chfn pwconv chage groupmod chgpasswd", Not(&One(&[Opt("S", "status|help"), Bare])), Persistence, "T1098"),
    ("passwd chpasswd visudo", Bare, Persistence, "T1098"),
    ("pw", First("useradd|usermod|groupadd|groupmod"), Persistence, "T1136.001"),
    ("userdel deluser groupdel delgroup", Any, Destruction, "T1531"),
    ("setcap", Not(&Opt("hv", "help")), Persistence, "T1548"),
    ("setfacl", Has("u:|g:|o:"), Discovery, "T1222.002"),
    ("chmod", If::SetId, Persistence, "T1548.001"),
    ("install", Has("-m 4|-m4|-m 6|-m6|--mode=4|--mode=6|-m u+s|-m =xs"), Persistence, "T1548.001"),
    ("systemctl", First("enable|daemon-reload|edit|link|reenable|set-default|preset|add-wants|start|restart"), Persistence, "T1543.002"),
    ("update-rc.d chkconfig rc-update initctl systemd-run", Not(&One(&[Opt("l", "list|status"), First("list|status"), Bare])), Persistence, "T1543.002"),
    ("ssh-copy-id", Any, Persistence, "T1098.004"),
    ("authconfig pam-auth-update pam_tally2 realm kadmin", Any, Persistence, "T1556.003"),
    ("echo printf", All(&[Has("ALL=(ALL|NOPASSWD|ALL=(|* * * *")]), Persistence, "T1548.003"),
    ("logrotate", Not(&Opt("d", "debug|version|usage")), Discovery, "T1053"),
    // Traces.
    ("history", One(&[Opt("cwd", ""), Word("-c")]), CoveringTracks, "T1070.003"),
    ("unset", Has("HIST"), CoveringTracks, "T1070.003"),
    ("set", All(&[Word("+o"), Word("history")]), CoveringTracks, "T1070.003"),
    ("shopt", Has("histappend"), CoveringTracks, "T1070.003"),
    ("shred srm wipe sfill sdmem sswap bleachbit bcwipe scrub nwipe", Not(&Opt("", "version|help")), CoveringTracks, "T1070.004"),
    ("iptables ip6tables iptables-legacy iptables-nft", One(&[Opt("FXZD", "flush|delete-chain|delete|zero"), All(&[Opt("P", "policy"), Word("ACCEPT")]), All(&[Has("-I|-A"), Word("ACCEPT")])]), CoveringTracks, "T1562.004"),
    ("nft", First("flush|delete"), CoveringTracks, "T1562.004"),
    ("ufw", One(&[First("disable|reset|allow|delete|logging"), Has("disable")]), CoveringTracks, "T1562.004"),
    ("firewall-cmd", Has("--remove|--add|--panic|--set-default|--zone"), CoveringTracks, "T1562.004"),
    ("setenforce", Any, CoveringTracks, "T1562.001"),
    ("systemctl service rc-service", All(&[Has("stop|disable|mask|kill|off"), Has(GUARDS)]), CoveringTracks, "T1562.001"),
    ("chkconfig update-rc.d rc-update", All(&[Has("off|disable|del|remove"), Has(GUARDS)]), CoveringTracks, "T1562.001"),
    ("kill pkill killall skill", Has(GUARDS), CoveringTracks, "T1562.001"),
    ("apt apt-get yum dnf rpm dpkg", All(&[Has("remove|purge|erase|-e "), Has(GUARDS)]), CoveringTracks, "T1562.001"),
    ("auditctl", Opt("eDdW", ""), CoveringTracks, "T1562.001"),
    ("journalctl", Has("--vacuum|--rotate|--flush"), CoveringTracks, "T1070.002"),
    ("dmesg", Opt("cCDn", "clear|read-clear|console-off"), CoveringTracks, "T1070.002"),
    ("apparmor_parser aa-teardown aa-disable aa-complain aa-remove-unknown", Any, CoveringTracks, "T1562.001"),
    ("touch", Opt("tdr", "date|reference|time"), CoveringTracks, "T1070.006"),
    ("timestomp", Any, CoveringTracks, "T1070.006"),
    ("date", All(&[Not(&Bare), Not(&Begins("+|-"))]), CoveringTracks, "T1070.006"),
    ("date timedatectl hwclock", One(&[Opt("s", "set"), First("set-time")]), CoveringTracks, "T1070.006"),
    ("chattr", Begins("+i|-i|+a|-a|-ia|+ia|+ai|-ai|-R"), CoveringTracks, "T1222.002"),
    ("exec", Opt("a", ""), CoveringTracks, "T1036"),
    ("utmpdump", Opt("r", "reverse"), CoveringTracks, "T1070"),
    ("sysctl", Has("nmi_watchdog|printk|ftrace|audit|randomize_va"), CoveringTracks, "T1562"),
    ("unlink rm", Has("/var/run/docker/containerd|$0|.bash_history"), CoveringTracks, "T1070.004"),
    ("swapoff", Any, Discovery, "T1562"),
    // The end.
    ("rm", Word("--no-preserve-root"), Destruction, "T1485"),
    ("rm", All(&[Opt("rR", "recursive"), SYSTEM]), Destruction, "T1485"),
    ("chmod chown chgrp", All(&[Opt("R", "recursive"), Word("/|/*|/etc|/bin|/usr|/lib|/sbin|/boot|/etc/|/usr/|/etc/*|/usr/*")]), Destruction, "T1222.002"),
    ("mv", All(&[SYSTEM, Word("/dev/null")]), Destruction, "T1485"),
    ("mv", Word("/dev/null"), Destruction, "T1485"),
    ("find", All(&[One(&[Opt("", "delete"), Has("-exec rm|-exec shred|xargs rm")]), First("/|/home|/etc|/var|/usr|/root|/bin|/boot|/lib|/host|~|$HOME")]), Destruction, "T1485"),
    ("mkfs mke2fs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkswap wipefs blkdiscard badblocks hdparm", Not(&Opt("V", "version|help")), Destruction, "T1561.002"),
    ("fdisk parted sgdisk gdisk sfdisk cfdisk partprobe", All(&[Not(&Opt("lpv", "list|print|version")), DISK]), Destruction, "T1561.002"),
    ("cryptsetup", First("luksFormat|erase|luksErase|reencrypt|luksKillSlot"), Destruction, "T1486"),
    ("ccrypt ccencrypt encfs gocryptfs age rage", Not(&Opt("dV", "version|decrypt")), Destruction, "T1486"),
    ("gpg gpg2", All(&[Opt("c", "symmetric"), Has("--batch|--passphrase|--yes")]), Destruction, "T1486"),
    ("tar", Has("--rsh-command|@"), Upload, "T1048"),
    ("cp", Word("/bin/sh|/bin/bash|/bin/dash|/bin/zsh|/usr/bin/sh|/usr/bin/bash|/bin/busybox"), CoveringTracks, "T1036.003"),
    ("kubectl oc", All(&[First("create|apply|run"), Has("cronjob|CronJob")]), Persistence, "T1053.007"),
    ("zip 7z 7za rar", All(&[One(&[Opt("P", "password"), Has("-p|-hp")]), Has("/etc|/home|/root|/var")]), Upload, "T1560.001"),
    ("shutdown halt poweroff reboot", Any, Destruction, "T1529"),
    ("init telinit", Word("0|6|1"), Destruction, "T1529"),
    ("systemctl", First("poweroff|reboot|halt|kexec|rescue|emergency|isolate"), Destruction, "T1529"),
    ("kill", All(&[Word("-1"), One(&[Word("-9|-KILL|-SIGKILL|-s"), Begins("-9")])]), Destruction, "T1489"),
    ("killall pkill", All(&[Opt("", "9|KILL|SIGKILL|signal=9"), Not(&Has("-0 "))]), Destruction, "T1489"),
    ("systemctl service rc-service", Has("stop|disable|mask "), Destruction, "T1489"),
    ("docker podman nerdctl", Has("volume rm|--volumes|volume prune|system prune -a"), Destruction, "T1485"),
    ("killall5", Any, Destruction, "T1489"),
    ("stress stress-ng cpuburn burnP6 slowloris slowhttptest goldeneye hulk t50 thc-ssl-dos fork-bomb forkbomb", Any, Destruction, "T1499"),
    ("hping3 hping", Has("--flood"), Destruction, "T1498"),
    ("truncate", All(&[Has("-s"), Has(" /etc/| /usr/| /bin/| /boot/")]), Destruction, "T1485"),
    ("vssadmin btrfs zfs lvremove vgremove pvremove zpool", First("delete|remove|destroy|subvolume"), Destruction, "T1490"),
    ("lvremove vgremove pvremove", Any, Destruction, "T1490"),
    // Archives of other people's things.
    ("tar zip 7z cpio rsync", Has("/etc |/etc/ssh|/root|/home/|/var/lib/|.ssh|/proc/"), Upload, "T1560.001"),
];

/// What is known of a program.
#[derive(Debug, Default)]
pub struct Program {
    /// How it runs others.
    pub runs: Vec<Runs>,
    /// What kinds of program it is of.
    pub kinds: Kinds,
    rows: Vec<&'static Row>,
}

impl Program {
    /// What holds, and what it comes to.
    pub fn rows(&self) -> impl Iterator<Item = (&If, Category, &'static str)> {
        self.rows.iter().map(|(_, condition, category, technique)| (condition, *category, *technique))
    }
}

#[derive(Debug, Default)]
struct Table {
    programs: HashMap<&'static str, Program>,
    /// For each length the letters that names begin with, as bits: most words are no name.
    beginnings: [u64; 32],
}

impl Table {
    fn entry(&mut self, name: &'static str) -> &mut Program {
        if let (Some(letters), Some(first)) = (self.beginnings.get_mut(name.len()), name.bytes().next()) {
            *letters |= 1 << (first & 63);
        }
        self.programs.entry(name).or_insert_with(|| Program { kinds: Kinds::of(name), ..Program::default() })
    }

    fn new() -> Self {
        let mut table = Self::default();
        for row in ROWS {
            for name in row.0.split_ascii_whitespace() {
                table.entry(name).rows.push(row);
            }
        }
        for (name, runs) in wrappers::all() {
            table.entry(name).runs.push(runs);
        }
        for name in names::all() {
            table.entry(name);
        }
        table
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::new)
}

/// The program of this name, with or without a version behind it.
pub fn find(name: &str) -> Option<&'static Program> {
    let table = table();
    let look = |name: &str| {
        let first = name.bytes().next()?;
        let letters = table.beginnings.get(name.len())?;
        (letters >> (first & 63) & 1 != 0).then(|| table.programs.get(name)).flatten()
    };
    let other = |bare: &str| if bare.len() < name.len() { look(bare) } else { None };
    look(name).or_else(|| other(unversioned(name))).or_else(|| other(unbuilt(name)))
}

/// `python3.11` is Python.
pub fn unversioned(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'))
}

/// `cdk_linux_amd64` is `cdk`.
fn unbuilt(name: &str) -> &str {
    if name.len() < 4 || !name.contains(['_', '-', '.']) {
        return name;
    }
    let ends = [
        "_linux", "-linux", "_amd64", "-amd64", "_x86", "-x86", "_x64", "-x64", ".elf", "_static", "-static", ".py",
        ".sh",
    ];
    ends.iter().find_map(|end| name.split_once(end)).map_or(name, |(name, _)| name)
}

/// The rows that hold of a program whatever its name is.
pub fn of_any() -> impl Iterator<Item = (&'static If, Category, &'static str)> {
    ROWS.iter()
        .filter(|row| row.0.is_empty())
        .map(|(_, condition, category, technique)| (condition, *category, *technique))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_with_and_without_a_version() {
        assert!(find("python3.11").is_some() && find("python").is_some() && find("nc").is_some());
        assert!(find("nginx").is_none() && find("").is_none());
    }

    #[test]
    fn each_technique_is_one_that_wazuh_knows() {
        let known = include_str!("../../../tests/rules/attack-13.1.txt");
        for row in ROWS {
            assert!(known.split_whitespace().any(|technique| technique == row.3), "{}: {}", row.0, row.3);
        }
    }
}
