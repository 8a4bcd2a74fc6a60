use proptest::prelude::*;

use super::*;

/// As a host with one disk has it, with another filesystem for /home, sockets in memory and a volume that is the root.
const HOST: &str = "\
27 0 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 27 0:23 / /run rw,nosuid shared:2 - tmpfs tmpfs rw
31 27 0:6 / /dev rw shared:3 - devtmpfs devtmpfs rw
32 27 254:1 /@home /home rw shared:4 - btrfs /dev/vda2 rw
33 27 254:1 /@ /srv/system\\040disk rw shared:5 - btrfs /dev/vda2 rw
34 27 254:0 / /var/lib/docker/volumes/evil/_data rw shared:6 - ext4 /dev/vda1 rw
";

/// Recorded of a container of Docker 20.10 with a volume, a tmpfs, a bind mount, `--init`, `--read-only`.
const ORDINARY: &str = include_str!("ordinary.mountinfo");

fn host() -> HostView {
    HostView::of(&[HOST.as_bytes()])
}

const ID: &str = "3d65924e16f9fb1df6286d681cd884feba4d87bf8af18c2c1d04e8c8ca1b6f1c";

/// A /proc with a host and one container.
fn proc(mountinfo: &str, cgroup: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for pid in ["1", "self", "307"] {
        std::fs::create_dir_all(folder.path().join(pid).join("net")).unwrap();
        std::fs::write(folder.path().join(pid).join("mountinfo"), HOST).unwrap();
        std::fs::write(
            folder.path().join(pid).join("net/dev"),
            "a\nb\n lo: 5 0 0 0 0 0 0 0 5\n eth0: 7 0 0 0 0 0 0 0 8\n",
        )
        .unwrap();
    }
    let stat = format!("307 (a) b)) S {}2225977 1044480", "1 ".repeat(18));
    let status = "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t307\t1\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80c25fb\nSeccomp:\t2\nNoNewPrivs:\t1\n";
    for (name, content) in [
        ("stat", stat.as_str()),
        ("status", status),
        ("cgroup", cgroup),
        ("mountinfo", mountinfo),
        ("uid_map", "         0          0 4294967295\n"),
        ("cmdline", "sleep\x00600\0"),
        ("net/dev", "a\nb\n lo: 0 0\n eth0: 400 4\n"),
    ] {
        std::fs::write(folder.path().join("307").join(name), content).unwrap();
    }
    folder
}

#[test]
fn a_process_of_the_container_is_read() {
    let proc = proc(ORDINARY, &format!("0::/docker/{ID}\n"));
    let evidence = read(proc.path(), 307, ID).unwrap();
    assert_eq!((evidence.cap_effective, evidence.cap_bounding), (0xa804_25fb, 0xa80c_25fb));
    assert_eq!((evidence.uid, evidence.seccomp, evidence.no_new_privileges), (Some(1000), Some(2), Some(true)));
    assert_eq!(evidence.command, "sleep 600");
    assert!(evidence.guards_proc_sys && evidence.is_root_mapped && !evidence.is_partial);
    assert!(!evidence.is_in_host_pids && !evidence.is_in_host_network);
    let data = evidence.mounts.iter().find(|mount| mount.target == "/data").unwrap();
    assert_eq!(data.on_host[0], "/srv/engine/data/volumes/data/_data");
    assert!(data.is_writable && evidence.mounts.iter().any(|mount| mount.target == "/" && !mount.is_writable));
    assert!(evidence.size() > 1000 && evidence.size() < 20_000, "{}", evidence.size());
    // Has the host's counts as it has its interfaces.
    std::fs::copy(proc.path().join("1/net/dev"), proc.path().join("307/net/dev")).unwrap();
    assert!(read(proc.path(), 307, ID).unwrap().is_in_host_network);
}

#[test]
fn another_process_or_none_is_not_taken_for_the_containers() {
    let other = "0".repeat(64);
    let in_cgroup = |cgroup: &str| read(proc(ORDINARY, cgroup).path(), 307, ID).map(drop);
    for cgroup in [
        format!("12:cpu:/\n0::/system.slice/docker-{ID}.scope\n"),
        format!("0::/machine.slice/libpod-{ID}.scope/container\n"),
        format!("0::/docker/{ID}/init\n"),
        format!("0::/kubepods/besteffort/pod1/{ID}\n"),
        format!("0::/libpod_parent/libpod-{ID}"),
    ] {
        assert_eq!(in_cgroup(&cgroup), Ok(()), "{cgroup}");
    }
    for cgroup in
        ["", "0::/\n", &format!("0::/docker/{other}\n"), &format!("0::/docker/x{ID}\n"), &format!("1:{ID}:/\n")]
    {
        assert_eq!(in_cgroup(cgroup), Err(KernelError::NotThisContainer), "{cgroup}");
    }
    let own = format!("0::/docker/{ID}\n");
    assert_eq!(read(proc(ORDINARY, &own).path(), 308, ID), Err(KernelError::Gone));
    assert_eq!(read(proc(ORDINARY, &own).path(), 307, ""), Err(KernelError::NotThisContainer));
    // It has ended and nobody has waited for it; or it runs beside the host's own, as what drives a machine does.
    assert_eq!(read(proc("", &own).path(), 307, ID), Err(KernelError::Gone));
    assert_eq!(read(proc(HOST, &own).path(), 307, ID), Err(KernelError::NotThisContainer));
    let proc = proc(ORDINARY, &own);
    std::fs::write(proc.path().join("307/stat"), "307 (x").unwrap();
    assert_eq!(read(proc.path(), 307, ID), Err(KernelError::Unreadable(io::ErrorKind::InvalidData)));
}

#[test]
fn what_is_mounted_is_found_on_the_host() {
    for (device, root, names) in [
        ("254:0", "/etc", &["/etc", "/var/lib/docker/volumes/evil/_data/etc"][..]),
        ("254:0", "/", &["/", "/var/lib/docker/volumes/evil/_data"]),
        ("0:23", "/docker.sock", &["/run/docker.sock"]),
        ("254:1", "/", &["/home", "/srv/system disk"]),
        ("254:1", "/@home/me", &["/home/me"]),
        ("254:1", "/@/etc", &["/srv/system disk/etc"]),
        ("254:1", "/@hom", &[]),
        ("9:9", "/", &[]),
    ] {
        assert_eq!(host().names(device, root), names, "{device} {root}");
    }
}

#[test]
fn an_overlay_names_what_it_shows_and_a_deleted_folder_keeps_its_name() {
    let mut evidence = Evidence::default();
    let lines = "1 0 0:9 / /x rw - overlay overlay ro,lowerdir=/a\\040b:/etc:l/REL,upperdir=/u,workdir=/w\n\
                 2 0 254:0 /tmp/x//deleted /y ro - ext4 /dev/vda1 rw\n3 0 0:4 net:[1] /z rw - nsfs nsfs rw\n";
    evidence.read_mounts(lines.as_bytes(), &host());
    assert_eq!(evidence.mounts[0].lower, ["/a b", "/etc"]);
    assert!(!evidence.mounts[0].is_writable && !evidence.mounts[1].is_writable);
    assert_eq!((evidence.mounts[1].on_host[0].as_str(), evidence.mounts.len()), ("/tmp/x", 2));
}

#[test]
fn what_is_kept_is_bounded() {
    let folder = "x".repeat(4000);
    let lines: Vec<String> = (0..250).map(|n| format!("{n} 0 254:0 /{folder} /{folder} rw - ext4 d rw\n")).collect();
    let lines = lines.concat();
    let mut evidence = Evidence::default();
    evidence.read_mounts(lines.as_bytes(), &host());
    assert!(evidence.is_partial && evidence.size() <= MAX_KEPT + 4096, "{}", evidence.size());
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let line = "[0-9]{0,3} [0-9]? (254:0|0:23|) (/|/etc|//|/\\\\0[0-9]{0,3}|x)? /?[a-z\\\\/]{0,9} (ro|rw),?( - )?(ext4|overlay|proc)? d? lowerdir=/?:?";
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        proptest::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n").into_bytes()),
        "(Cap(Eff|Bnd):\t[0-9a-f]{0,20}\n|NSpid:[\t0-9]{0,9}\n|Seccomp:\t-?[0-9]{0,12}\n|:| lo: [0-9 ]{0,30}\n){0,9}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(status in hostile(), uid_map in hostile(), mountinfo in hostile(), cmdline in hostile()) {
        let host = HostView::of(&[&mountinfo, HOST.as_bytes()]);
        let networks = Networks([interfaces(&status), interfaces(&uid_map)]);
        networks.are_same(&interfaces(&mountinfo), || Networks([interfaces(&status), interfaces(&uid_map)]));
        is_of(&String::from_utf8_lossy(&status), ID);
        let evidence = Evidence::of(&Files { status, uid_map, mountinfo, cmdline }, &host);
        prop_assert!(evidence.size() < 4 << 20);
        let container = crate::docker::inspect::Container::default();
        let found = crate::event::risk::kernel::of_evidence(&evidence, &crate::event::risk::Host::default(), &container);
        let _ = crate::event::risk::kernel::merge(Vec::new(), found, &container);
    }
}
