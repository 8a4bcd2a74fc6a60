//! The clients that take secrets on their command lines, and where: a table, one line each.
//!
//! A line has the names of programs, where they take secrets, and an example with its secrets in `«»`, which is the
//! line's test. Where a secret is:
//!
//! - `-p`: in what follows this option, joined to it or as the next word; `-p!` only joined, `-p+` only the next word.
//!   It may stand behind other letters: `-vp x`.
//! - `--pw`, `-storepass`, `/rp`: in the next word, or behind `=` or `:`.
//! - `@2`: in the second word that is no option; `add@2` in the second behind the word `add`.
//!
//! Behind a colon stands which part of that is the secret: `user` what is behind the first `:`; `percent`, `comma` and
//! `slash` what is behind these; `last` what is behind the last `:`; `pass` what is behind `pass:`; `pair` what is behind
//! `=`; `options` what is behind `password=` in a list; `header` a header that is not known to be harmless; `cookie` all, where it has a `=`; `login` what is between
//! `:` or `/` and `@`; `acl` what is behind `>`; `sent` what stands before `\\r`; `community` all but `public`.
//!
//! `-hp*` is joined to an option of more letters, and `http-basic.*@2` is counted from any word that begins so; `@*` are all
//! words. `takes=` has the letters of options with a value, so that words are counted rightly; `with=` a word that must
//! stand before; `not=` an option whose value never is a secret, whatever it is called.

/// A line of the table.
pub struct Client {
    /// The names of the programs.
    pub names: &'static str,
    /// Where they take secrets.
    pub places: &'static str,
    /// A command with its secrets marked.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is the test of its line"))]
    pub example: &'static str,
}

const fn of(names: &'static str, places: &'static str, example: &'static str) -> Client {
    Client { names, places, example }
}

pub static CLIENTS: &[Client] = &[
    // Databases.
    of(
        "mysql mysqldump mysqladmin mysqlcheck mysqlimport mysqlshow mysqlsh mysqlslap mysqlbinlog mysqlpump mysql_upgrade mysql_secure_installation mariadb mariadb-dump mariadb-admin mariadb-check mariadb-import mariadb-show mariadb-binlog mariadb-slap mysqlrepair mysqlanalyze mysqloptimize mytop innotop",
        "-p! takes=hPuSDeT password@1",
        "mysqladmin -u root -p«old1» password «new1»",
    ),
    of(
        "mydumper myloader xtrabackup mariabackup innobackupex pt-table-checksum pt-query-digest pt-online-schema-change mycli",
        "-p takes=huPSBo",
        "mydumper -h db -u root -p «s3cr3t»",
    ),
    of(
        "mongo mongosh mongodump mongorestore mongoexport mongoimport mongofiles mongostat mongotop bsondump",
        "-p takes=uhd",
        "mongosh -u admin -p «s3cr3t» --quiet",
    ),
    of(
        "redis-cli valkey-cli keydb-cli iredis rdcli redis-benchmark valkey-benchmark redis-server rump",
        "SETUSER@*:acl setuser@*:acl -a+ --pass auth@1 AUTH@1 requirepass@1 masterauth@1 -u:login takes=hpnu",
        "redis-cli -h cache -a «r3dis!» ping",
    ),
    of(
        "redis-sentinel redis-cli valkey-cli",
        "auth-pass@2 AUTH-PASS@2",
        "redis-sentinel x.conf --sentinel auth-pass mymaster «hunter2»",
    ),
    of("AUTH", "@1 @2", "redis-cli ping \"AUTH default «hunter2»\""),
    of("sqlcmd bcp osql tsql sqsh fisql", "-P takes=SUdQqioH", "sqlcmd -S db -U sa -P «Str0ng!» -Q select"),
    of("isql iusql", "@3 -P", "isql mydsn bob «hunter2»"),
    of(
        "sqlplus sqlplus64 sqlldr expdp impdp exp imp rman sql dgmgrl adrci",
        "@1:login target@1:login userid:login catalog@1:login auxiliary@1:login",
        "sqlplus scott/«tiger»@orcl",
    ),
    of("db2 db2cmd", "using@1", "db2 connect to sample user bob using «hunter2»"),
    of(
        "hdbsql exaplus cbq couchbase-cli cbbackupmgr cbimport cbexport cbtransfer cbc beeline cqlsh cypher-shell neo4j-shell ksql dremio",
        "-p",
        "cqlsh db 9042 -u cassandra -p «cassandra1»",
    ),
    of("nzsql nzload vsql", "-pw -w", "nzsql -u admin -pw «hunter2»"),
    of("isql-fb fbsql gfix gbak gsec", "-pas -password -pass -pw -p", "gbak -user SYSDBA -pas «masterkey» a b"),
    of(
        "neo4j-admin cockroach orientdb",
        "set-initial-password@1 --password",
        "neo4j-admin dbms set-initial-password «hunter2»",
    ),
    of(
        "elasticsearch-users elasticsearch-certutil elasticsearch-setup-passwords opensearch-cli",
        "-p --pass",
        "elasticsearch-users useradd bob -p «hunter2» -r admin",
    ),
    of("influx influxd influx_inspect", "-password -t", "influx -username admin -password «adm1n» -execute x"),
    of("snowsql pgcli usql dbeaver duckdb", "-p --password", "snowsql -a acct -u bob -p «hunter2»"),
    of("flyway liquibase", "-password", "flyway -user=bob -password=«hunter2» migrate"),
    of(
        "curator_cli sqoop spark-submit",
        "--http_auth:user --password",
        "curator_cli --http_auth bob:«hunter2» show-indices",
    ),
    // HTTP.
    of(
        "curl curlie",
        "-u:user -U:user --user:user --proxy-user:user -E:user --cert:user --pass --proxy-pass --tlspassword --proxy-tlspassword --oauth2-bearer -H:header --header:header --proxy-header:header -b:cookie --cookie:cookie takes=AbBCcdDeEFhHKmoPQrtTuUwxXyYz",
        "curl -f -sLu bob:«hunter2» -H X-Thing: «abc» -b «sid=abc» https://example.com",
    ),
    of(
        "wget wget2",
        "--header:header --password --http-password --proxy-password takes=OoaePUtTwQB",
        "wget --header X-Thing:«abc» http://example.com",
    ),
    of("http https xh xhs httpie ht", "-a:user --auth:user takes=afopAs", "http -a bob:«hunter2» example.com"),
    of(
        "ab",
        "-A:user -P:user -H:header -C:cookie takes=nctbpTCHPXgevmAk",
        "ab -n 5 -A bob:«hunter2» http://example.com/",
    ),
    of(
        "hey bombardier wrk wrk2 vegeta oha siege plow k6 fortio cassowary autocannon",
        "-a:user -H:header --header:header -header:header",
        "hey -a bob:«hunter2» -H X-Thing:«abc» http://example.com",
    ),
    of(
        "ffuf gobuster feroxbuster wfuzz nikto nuclei sqlmap dirsearch katana httpx wpscan arjun dalfox whatweb zap-cli",
        "-H:header --header:header --headers:header -id:user --auth-cred:user --http-auth:user -b:cookie --cookie:cookie",
        "sqlmap -u http://x --auth-cred=bob:«hunter2» --cookie=«sid=abc»",
    ),
    of(
        "grpcurl evans ghz websocat wscat",
        "-H:header -rpc-header:header --header:header --auth:user --basic-auth:user",
        "grpcurl -H X-Thing:«abc» host:443 list",
    ),
    of(
        "aria2c",
        "--http-passwd --ftp-passwd --header:header --all-proxy-passwd",
        "aria2c --http-user=bob --http-passwd=«hunter2» http://x",
    ),
    of("lftp lftpget", "-u:comma --user:comma user@2", "lftp -u bob,«hunter2» ftp.example.com"),
    of("ncftp ncftpput ncftpget ncftpls", "-p takes=uP", "ncftpput -u bob -p «hunter2» host / f"),
    of("ftp tnftp", "-u:user", "ftp -u bob:«hunter2»"),
    of("curlftpfs davfs2 cadaver", "-o:user @1:login", "curlftpfs bob:«hunter2»@host /mnt"),
    of(
        "axel youtube-dl yt-dlp gallery-dl",
        "-p -H:header --video-password --ap-password --add-header:header",
        "yt-dlp -u bob -p «hunter2» https://x",
    ),
    of("phantomjs chromium google-chrome chrome", "--proxy-auth:user", "phantomjs --proxy-auth=bob:«hunter2» x.js"),
    // Remote shells and files.
    of("sshpass", "-p takes=fdP", "sshpass -p«hunter2» ssh root@10.0.0.1"),
    of("plink pscp psftp putty kitty puttygen", "-pw", "plink -ssh bob@host -pw «hunter2» ls"),
    of(
        "smbclient rpcclient smbget smbcquotas smbcacls smbtree winexe wmic net nmblookup smbspool cifsdd",
        "-U:percent --user:percent --password --pw-nt-hash user@2 use@2 takes=cIpWnDPLkN",
        "smbclient //srv/share -U bob%«hunter2» -c ls",
    ),
    of(
        "smbmap crackmapexec cme netexec nxc evil-winrm enum4linux enum4linux-ng bloodhound-python ldapdomaindump kerbrute wmiexec.py psexec.py secretsdump.py smbexec.py atexec.py dcomexec.py mssqlclient.py GetUserSPNs.py GetNPUsers.py getTGT.py addcomputer.py getST.py rbcd.py dacledit.py smbclient.py lookupsid.py certipy hydra medusa ncrack patator crowbar responder wmiexec psexec secretsdump",
        "-p -H --password -hashes @1:login takes=uldPtTs",
        "crackmapexec smb 10.0.0.1 -u bob -p «hunter2»",
    ),
    of("xfreerdp xfreerdp3 wlfreerdp freerdp mstsc", "/p /password /gp", "xfreerdp /u:bob /p:«hunter2» /v:host"),
    of("rdesktop vncviewer x11vnc tigervncviewer vncdo", "-p -passwd takes=ugdr", "rdesktop -u bob -p «hunter2» host"),
    of(
        "mount mount.cifs mount_smbfs",
        "-o:options",
        "mount -t cifs -o username=bob,password=«hunter2»,uid=1 //srv/share /mnt",
    ),
    of(
        "psexec psexec64 schtasks runas wmic cmdkey winrs winscp",
        "-p /p /rp /pass /password -password",
        "schtasks /create /ru bob /rp «hunter2» /tn x",
    ),
    of(
        "rsync rclone",
        "obscure@1 --sftp-pass --webdav-pass --ftp-pass --smb-pass --http-pass --rc-pass --pass",
        "rclone obscure «hunter2»",
    ),
    of("mc mcli", "set@3 set@4 add@3 add@4", "mc alias set local http://x:9000 «minioadm» «minios3cr»"),
    of(
        "s3cmd s3fs s5cmd goofys",
        "--secret_key --access_key --secret-key --access-key",
        "s3cmd --access_key=«AKIAXYZ» --secret_key=«s3cr3tk» ls",
    ),
    of("swift openstack nova glance", "-K -K+ --os-password", "swift -U acct:user -K «s3cr3tk» list"),
    // Directories and machines.
    of(
        "ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldapmodrdn ldapcompare ldapexop ldapurl",
        "-w takes=DHbshpfyS",
        "ldapsearch -x -D cn=admin,dc=x -w «adminpw» -b dc=x",
    ),
    of("ldappasswd", "-w -s -a takes=DHhpT", "ldappasswd -x -D cn=admin -w «adminpw» -s «newpw1» uid=bob"),
    of("slappasswd", "-s takes=ho", "slappasswd -s «hunter2»"),
    of("ipa-server-install ipa-replica-install", "-p -a -w", "ipa-server-install -a «hunter2» -p «hunter3» -r X"),
    of(
        "dsconf dsidm dsctl ldapvi ipa-client-install ipa-getkeytab",
        "-w",
        "ipa-client-install -p admin -w «hunter2» -U",
    ),
    of("kadmin kadmin.local ktutil kdb5_ldap_util", "-w -pw", "kadmin -p admin/admin -w «hunter2» -q listprincs"),
    of("kdb5_util", "-P", "kdb5_util create -s -r X -P «hunter2»"),
    of("ansible-vault", "encrypt_string@1", "ansible-vault encrypt_string «hunter2» --name x"),
    of("send send_user", "@1:sent", "expect -c 'spawn ssh h; send \"«hunter2»\\r\"'"),
    of(
        "setPassword.sh set-password.sh setpassword.sh changepassword set_password",
        "@1",
        "/opt/oracle/setPassword.sh «hunter2»",
    ),
    of("oathtool", "@1 takes=cdNSswDv", "oathtool --totp -b «5IXMXYEXP7WILOJD»"),
    of(
        "samba-tool pdbedit",
        "setpassword@2 create@2 add@2 --newpassword --adminpass",
        "samba-tool user create bob «hunter2»",
    ),
    of(
        "snmpget snmpwalk snmpset snmpbulkwalk snmpgetnext snmptrap snmpbulkget snmptable snmpstatus",
        "-A -X -c:community takes=vulrtOmMlnICax",
        "snmpget -v3 -u bob -l authPriv -a SHA -A «authpass1» -x AES -X «privpass1» host oid",
    ),
    of(
        "ipmitool ipmipower ipmi-sensors bmc-info ipmiutil",
        "-P -k password@2 takes=IHUfLpACRN",
        "ipmitool -I lanplus -H bmc -U root -P «calvin1» power status",
    ),
    of(
        "racadm hpasmcli SMCIPMITool ilorest perccli cimc fence_ipmilan fence_ilo fence_drac5",
        "-p -P --password",
        "racadm -r 10.0.0.2 -u root -p «calvin1» getsysinfo",
    ),
    of(
        "useradd usermod groupadd newusers adduser pw",
        "-p --password takes=cdegGksuUbf",
        "useradd -m -p «$6$abc$defghi» bob",
    ),
    of("mkpasswd mcookie makepasswd", "@1 -S! takes=mRPS", "mkpasswd -m sha-512 «hunter2»"),
    of("dscl", "-passwd@2 passwd@2", "dscl . -passwd /Users/bob «hunter2»"),
    of(
        "sysadminctl security",
        "-p -w -password -adminPassword",
        "security unlock-keychain -p «hunter2» login.keychain",
    ),
    of("htpasswd", "with=-b @3 takes=C", "htpasswd -cb /etc/htpasswd bob «hunter2»"),
    of("htpasswd", "with=-n @2 takes=C", "htpasswd -nbB bob «hunter2»"),
    of("wpa_passphrase", "@2", "wpa_passphrase home «hunter22»"),
    of(
        "wpa_cli nmcli iwctl connmanctl netsh iw",
        "psk@1 password@1 --passphrase wifi-sec.psk@1 802-11-wireless-security.psk@1 wep-key0@1 wifi.psk@1 keyMaterial",
        "nmcli dev wifi connect home password «hunter22»",
    ),
    of("iwconfig", "key@1 enc@1", "iwconfig wlan0 essid home key «s:hunter2»"),
    of("radtest", "@2 @5", "radtest bob «hunter2» localhost 0 «testing123»"),
    of("radclient eapol_test tac_plus tacc", "@3 -s -p", "radclient 10.0.0.1 auth «testing123»"),
    of(
        "nsupdate dig knsupdate delv kdig rndc-confgen",
        "-y:last",
        "nsupdate -y hmac-sha256:key.name:«c2VjcmV0c2VjcmV0»",
    ),
    of("openconnect vpnc openfortivpn sstpc pppd", "-p --password", "openfortivpn host:443 -u bob -p «hunter2»"),
    of(
        "tailscale headscale netbird zerotier-cli",
        "--authkey --auth-key --setup-key -k",
        "tailscale up --authkey=«abc123def»",
    ),
    of(
        "ngrok",
        "authtoken@1 add-authtoken@1 --authtoken --auth:user --basic-auth:user",
        "ngrok config add-authtoken «2abcDEF»",
    ),
    of("cloudflared", "install@1 --token", "cloudflared service install «abc123def456»"),
    of("chisel gost", "--auth:user -auth:user", "chisel client --auth bob:«hunter2» host 80"),
    of(
        "ss-local ss-server sslocal ssserver ss-redir ss-tunnel",
        "-k takes=splmb",
        "ss-server -s 0.0.0.0 -p 8388 -k «hunter2» -m aes-256-gcm",
    ),
    of("frpc frps", "-t --token", "frpc http -s x:7000 -t «hunter2»"),
    of("cntlm socat proxychains", "-p proxyauth:user", "cntlm -u bob -d corp -p «hunter2» proxy:8080"),
    of("turnserver coturn", "-u:user --user:user --static-auth-secret", "turnserver -u bob:«hunter2» -r x"),
    of("turnadmin", "-p takes=urb", "turnadmin -a -u bob -r x -p «hunter2»"),
    of(
        "prosodyctl ejabberdctl",
        "register@3 change_password@3 passwd@2",
        "ejabberdctl register bob localhost «hunter2»",
    ),
    // Messages.
    of("rabbitmqctl", "add_user@2 change_password@2 authenticate_user@2 takes=n", "rabbitmqctl add_user bob «hunter2»"),
    of("rabbitmqadmin", "-p takes=Huvs", "rabbitmqadmin -u bob -p «hunter2» list queues"),
    of(
        "mosquitto_pub mosquitto_sub mosquitto_rr mqttui mqtt",
        "-P -pw --pw takes=hputmiqA",
        "mosquitto_pub -h mq -u bob -P «mqpass» -t t -m m",
    ),
    of("mosquitto_passwd", "with=-b @3", "mosquitto_passwd -b /etc/pw bob «hunter2»"),
    of("nats nats-pub nats-sub kcat kafkacat", "--password", "nats --user bob --password «hunter2» pub a b"),
    of("zkCli.sh zkcli zookeeper-shell", "digest@1:user", "zkCli.sh -server x addauth digest bob:«hunter2»"),
    of("etcdctl", "--user:user --password add@1:user", "etcdctl --user root:«hunter2» get x"),
    of("swaks", "-ap --auth-password", "swaks --to a@b -au bob -ap «hunter2»"),
    of(
        "sendemail sendEmail mailsend msmtp mutt smtp-cli",
        "-xp -pass --pass",
        "sendemail -f a@b -t c@d -xu bob -xp «hunter2»",
    ),
    of("telegram-send apprise ntfy slackcat", "-k --token -t", "slackcat -k «abc123def»"),
    // Containers and clouds.
    of(
        "docker podman nerdctl buildah skopeo helm oras crane regctl ctr img kaniko apptainer singularity conan cosign flux werf",
        "with=login -p --password not=--secret takes=u",
        "docker login -u bob -p «hunter2» registry.example.com",
    ),
    of(
        "docker podman nerdctl buildah kaniko kubectl oc",
        "not=--secret",
        "docker service create --secret db_password --name x y",
    ),
    of(
        "skopeo buildah podman crane ctr nerdctl",
        "--creds:user --src-creds:user --dest-creds:user -u:user --dest-registry-token --src-registry-token",
        "skopeo copy --src-creds bob:«hunter2» docker://a docker://b",
    ),
    of(
        "kubectl oc k3s microk8s",
        "with=secret --from-literal:pair --docker-password",
        "kubectl create secret generic x --from-literal=user=«bob1»",
    ),
    of("kubectl oc k3s", "--token", "kubectl get pods --token=«abc123»"),
    of(
        "oc odo argocd kubeadm rancher",
        "with=login -p --password --token takes=un",
        "oc login -u bob -p «hunter2» https://x",
    ),
    of("kubeadm k3s rke2", "--token --certificate-key", "kubeadm join 10.0.0.1:6443 --token «abcdef.0123456789abcdef»"),
    of("docker", "with=swarm --token", "docker swarm join --token «SWMTKN-1-abc-def» 10.0.0.1:2377"),
    of(
        "argocd",
        "--current-password --new-password --auth-token",
        "argocd account update-password --current-password «old123» --new-password «new123»",
    ),
    of("vault bao openbao", "login@1 unseal@1 unwrap@1 -token -wrapped-token", "vault login «s.abcdef»"),
    of("vault bao openbao", "with=kv put@*:pair", "vault kv put secret/x user=«hunter2»"),
    of("consul nomad boundary waypoint", "-token -http-auth:user -secret-id", "consul kv get -token=«b1gs0820» foo"),
    of(
        "az",
        "with=login -p --password --federated-token",
        "az login --service-principal -u app -p «hunter2» --tenant t",
    ),
    of(
        "aws",
        "aws_secret_access_key@1 aws_access_key_id@1 aws_session_token@1 --secret-string --master-user-password --password --secret-access-key",
        "aws configure set aws_secret_access_key «wJalrXU»",
    ),
    of("doctl civo linode-cli hcloud scw vultr-cli", "-t --access-token save@2", "doctl auth init -t «abc123»"),
    of(
        "heroku flyctl fly railway vercel netlify render wrangler supabase",
        "-t --token --access-token",
        "vercel deploy -t «abc123»",
    ),
    of("heroku", "config:set@*:pair config:add@*:pair", "heroku config:set STRIPE=«abc123»"),
    of("flyctl fly", "with=secrets set@*:pair import@*:pair", "fly secrets set STRIPE=«abc123»"),
    of("doppler", "-t set@*:pair", "doppler secrets set STRIPE=«abc123»"),
    of("ibmcloud", "--apikey -p", "ibmcloud login --apikey «abc123»"),
    of("gcloud gsutil bq", "--access-token", "gcloud x --access-token=«abc123»"),
    of("pulumi", "with=--secret set@2 not=--secret", "pulumi config set --secret dbPass «hunter2»"),
    of("bw", "login@2 unlock@1", "bw login bob@example.com «hunter2»"),
    of("op lpass keepassxc-cli pass gopass", "--session", "op item get x --session «abc123»"),
    of(
        "govc esxcli vim-cmd vmware-cmd ovftool vmrun VBoxManage vboxmanage prlctl",
        "-u:login -gp -vp -p --password",
        "vmrun -T ws -gu bob -gp «hunter2» list x",
    ),
    of("qm pct pveum virsh virt-install", "--password --cipassword -password", "qm set 100 --cipassword «hunter2»"),
    of(
        "sentry-cli snyk sonar-scanner codecov coveralls semgrep fossa trivy grype",
        "auth@1 -t --auth-token -Dsonar.login -Dsonar.token",
        "snyk auth «abc123def»",
    ),
    of("jf jfrog", "--password --access-token --apikey", "jf c add --access-token=«abc123»"),
    of("gitlab-runner", "-r -t --registration-token --token", "gitlab-runner register -r «abc123»"),
    of("glab gh hub tea", "-t --token", "glab auth login -t «abc123»"),
    of("jenkins-cli jenkins-cli.jar", "-auth:user", "java -jar jenkins-cli.jar -auth bob:«abc123» who"),
    of(
        "git",
        "http.extraheader@1:header http.extraHeader@1:header",
        "git config http.extraheader AUTHORIZATION: basic «abc123»",
    ),
    of("svn svnadmin hg cvs", "--password", "svn co --username bob --password «hunter2» http://x"),
    of(
        "npm yarn pnpm",
        "--_authToken --//registry.npmjs.org/:_authToken",
        "npm config set //registry/:_authToken «abc123»",
    ),
    of("twine flit pip uv hatch", "-p --token", "twine upload -u bob -p «hunter2» dist/x"),
    of("poetry", "with=config pypi-token.*@1 http-basic.*@2", "poetry config pypi-token.pypi «abc123»"),
    of("cargo gem", "login@1 --token -k", "cargo login «abc123»"),
    of(
        "composer",
        "http-basic.*@2 github-oauth.*@1 gitlab-token.*@1 gitlab-oauth.*@1 bearer.*@1",
        "composer config github-oauth.github.com «abc123»",
    ),
    of(
        "nuget dotnet choco",
        "setapikey@1 setApiKey@1 -ApiKey -Password -p -k --api-key --password",
        "dotnet nuget push x.nupkg -k «abc123»",
    ),
    of("dotnet", "with=user-secrets set@2", "dotnet user-secrets set Db:Conn «hunter2»"),
    of(
        "wp drush occ artisan",
        "user:password@2 upwd@2 user-password@2 --dbpass --user_pass --admin_password --account-pass --db-pw",
        "wp config create --dbname=x --dbpass=«hunter2»",
    ),
    of(
        "odoo odoo-bin airflow superset fab flask",
        "-w -p --password",
        "airflow users create -u admin -p «hunter2» -r Admin",
    ),
    of("grafana-cli grafana", "reset-admin-password@1", "grafana-cli admin reset-admin-password «hunter2»"),
    of(
        "rails rake bundle",
        "gems.contribsys.com@1:user config@2:user",
        "bundle config gems.contribsys.com abc:«hunter2»",
    ),
    of("caddy", "--plaintext -p", "caddy hash-password --plaintext «hunter2»"),
    // Keys, archives, documents.
    of(
        "openssl",
        "-passin:pass -passout:pass -pass:pass -password:pass -k -K -psk -hmac -passwd -macopt:last -kdfopt:last -secretkey",
        "openssl rsa -in k.pem -passin pass:«hunter2» -out o",
    ),
    of("openssl", "with=passwd @2", "openssl passwd -6 «hunter2»"),
    of("gpg gpg2", "--passphrase", "gpg --batch --passphrase «hunter2» -c f"),
    of(
        "keytool jarsigner apksigner",
        "-storepass -keypass -srcstorepass -deststorepass -destkeypass -srckeypass -new --ks-pass:pass --key-pass:pass",
        "keytool -list -keystore k -storepass «changeit»",
    ),
    of(
        "certutil pk12util signtool osslsigncode signcode pesign",
        "-w -W -K -p -pass /p",
        "pk12util -i f -W «hunter2» -d db",
    ),
    of(
        "pkcs11-tool pkcs15-tool softhsm2-util yubico-piv-tool ykman ykpiv tpm2_create tpm2_load tpm2_unseal tpm2_nvwrite tpm2_nvread tpm2_createprimary",
        "-p -P --pin --so-pin --new-pin -m",
        "pkcs11-tool --login --pin «123456» -O",
    ),
    of("ssh-keygen", "-N -P takes=tfbCmY", "ssh-keygen -t ed25519 -N «hunter2» -f k"),
    of(
        "cryptsetup veracrypt truecrypt encfs ccrypt mcrypt aescrypt gocryptfs steghide outguess openstego zpaq scrypt",
        "-p -K -k takes=cshf",
        "steghide extract -sf x.jpg -p «hunter2»",
    ),
    of("lsar unar mupdf mutool atuin", "-p -password -k", "lsar /a.rar -p «hunter2»"),
    of("miniserve dufs", "-a:user --auth:user", "miniserve -a bob:«hunter2» /srv"),
    of("bore cryptcat sbd", "-s -k", "bore server -s «hunter2»"),
    of("zip unzip bsdtar funzip zipcloak", "-P --password takes=x", "zip -P «hunter2» a.zip b"),
    of("7z 7za 7zr 7zz p7zip", "-p!", "7z a -p«hunter2» a.7z b"),
    of("rar unrar", "-p! -hp*", "rar a -hp«hunter2» a.rar b"),
    of(
        "qpdf pdftk pdftotext pdftoppm pdfimages pdfinfo pdfcrack pdfcpu gs",
        "user_pw@1 owner_pw@1 input_pw@1 --encrypt@1 --encrypt@2 -upw -opw --password",
        "pdftk a output b user_pw «hunter2»",
    ),
    of("jwt step jose", "-S --secret -s", "jwt encode --secret «hunter2» x"),
    of("xcrun altool notarytool fastlane", "-p --password", "xcrun altool --upload-app -u bob -p «abcd-efgh»"),
    of("ConvertTo-SecureString", "@1 -String", "pwsh -c ConvertTo-SecureString «hunter2» -AsPlainText -Force"),
    of("check_http check_imap check_smtp", "-a:user", "check_http -H x -a bob:«hunter2»"),
    of(
        "check_mysql check_pgsql check_mongodb check_mysql_health check_snmp",
        "-p --password takes=HuU",
        "check_mysql -H db -u nagios -p «hunter2»",
    ),
    of("nut upsc upscmd upsrw", "-p takes=u", "upsrw -u bob -p «hunter2» x"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_has_a_name_or_place_that_cannot_be() {
        for client in CLIENTS {
            assert!(client.names.split(' ').all(|name| !name.is_empty()), "{}", client.names);
            assert!(!client.example.is_empty(), "{}", client.names);
        }
    }
}
