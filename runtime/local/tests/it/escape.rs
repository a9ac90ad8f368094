//! From inside a tool: no host path, process, device or kernel setting; limits hold; no way to more powers.

use std::fs;

use hearth_base::{Cpu, Memory};
use hearth_runtime_api::{
    End, Exec, ExecInput, ExecOutput, Isolation, Mount, MountSource, TerminalSize, Workload,
    conformance::Bench,
    fake::Step::{Exit, Forever},
};
use rustix::fs::{CWD, Mode, makedev};

use crate::rig::Rig;

/// The first of the ids at which everything of tools lies on the disk.
const STORE: u32 = 2_147_352_576;

/// A run of a shell script.
pub fn shell(bench: &Bench, script: &str) -> Workload {
    let mut workload = bench.once(&[Exit(0)]);
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    workload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_host_is_seen() {
    let (bench, rig) = Rig::bench().await;
    let state = rig.state();
    let script = format!(
        "ls -d {} {} /run/hearth-* /proc/1/root/var/lib 2>/dev/null; \
         ls /proc | grep -c '^[0-9]*$'; tr '\\0' ' ' < /proc/1/cmdline | cut -c1-7; \
         ls /dev | tr '\\n' ' '; echo; cat /proc/self/mountinfo | grep -c -E ' /(home/|root|boot) '; hostname",
        state.display(),
        env!("CARGO_MANIFEST_DIR"),
    );
    let lines = bench.lines(&shell(&bench, &script)).await;
    let processes: u32 = lines[0].parse().expect("a count");
    assert!(processes <= 5, "{lines:?}");
    assert_eq!(lines[1], "/bin/sh");
    let devices = [
        "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
        "tty", "urandom", "zero",
    ];
    assert!(lines[2].split_whitespace().all(|device| devices.contains(&device)), "{lines:?}");
    assert_eq!(&lines[3..], ["0", "tool"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kernel_setting_device_or_mount_is_reached() {
    let (bench, _rig) = Rig::bench().await;
    let tries = [
        "echo x > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "echo 1 > /proc/sys/vm/drop_caches",
        "echo 1 > /sys/kernel/mm/ksm/run",
        "mount -t tmpfs none /tmp",
        "mount -o remount,rw /sys",
        "umount /proc",
        "unshare -U true",
        "unshare -m true",
        "chroot / true",
        "mknod /tmp/sda b 8 0",
        "mknod /tmp/mem c 1 1",
        "cat /proc/kcore",
        "hostname other",
        "ip link add dummy0 type dummy",
        "ip addr add 10.0.0.1/8 dev eth0",
        "kill -9 2",
        "cat /proc/1/environ > /dev/null && false",
        "ls /sys/fs/cgroup/*/cgroup.procs",
    ];
    for attempt in tries {
        let outcome =
            bench.outcome(&shell(&bench, &format!("({attempt}) 2>/dev/null && exit 0 || exit 9"))).await;
        assert_eq!(outcome.end, End::Exited { code: 9 }, "{attempt}");
    }
    bench.close().await;
}

/// Settings of its own namespaces would be its own to change, and some of the host's are for everybody to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kernel_tells_and_takes_from_anybody_is_closed() {
    let (bench, _rig) = Rig::bench().await;
    let script = "for path in acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats; do \
                      cat /proc/$path /proc/$path/* 2>/dev/null | head -c 1 | grep -q . && echo open: $path; \
                  done; ls /sys/firmware; \
                  for setting in net/ipv4/ip_forward user/max_user_namespaces kernel/msgmax fs/mqueue/msg_max; do \
                      (cat /proc/sys/$setting > /tmp/old && cat /tmp/old > /proc/sys/$setting) 2>/dev/null && echo taken: $setting; \
                  done; \
                  for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys; do \
                      test ! -e $path || grep -q \" $path ro,\" /proc/self/mountinfo || echo writable: $path; \
                  done; echo all";
    assert_eq!(bench.lines(&shell(&bench, script)).await, ["all"]);
    bench.close().await;
}

/// Each mount is of the container, or of the folder of the host that was meant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_of_the_host_is_mounted() {
    let (bench, rig) = Rig::bench().await;
    let lines = bench.lines(&shell(&bench, "cut -d' ' -f4,5 /proc/self/mountinfo")).await;
    let home = rig.state().join("homes/0");
    for line in &lines {
        let (source, at) = line.split_once(' ').expect("two words");
        let own = ["/", "/dev", "/dev/mqueue", "/dev/pts", "/dev/shm", "/proc", "/sys"].contains(&at);
        let closed = at.starts_with("/proc/") || at == "/sys/firmware";
        let good = match source {
            "/" => own || closed,
            "/null" => closed || at == "/dev/null",
            _ if at.starts_with("/etc/") => source == at,
            _ if at.starts_with("/dev/") || at.starts_with("/proc/") => at.ends_with(source),
            // As seen from the file system that the folder is on.
            _ => at == "/home" && home.ends_with(source.trim_start_matches('/')),
        };
        assert!(good, "{source} is mounted at {at}: {lines:?}");
    }
    assert!(lines.iter().any(|line| line.ends_with("/homes/0 /home")), "{lines:?}");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_are_the_tools_own_and_nobodys_on_the_host() {
    let (bench, rig) = Rig::bench().await;
    let mut ranges = Vec::new();
    for tool in [bench.tool, Bench::new_tool()] {
        let workload = Workload { owner: tool.into(), ..bench.once(&[Forever]) };
        let init = rig.pid_of(bench.running(&workload, 1).await[0], "init").expect("a process");
        let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", init.as_raw_nonzero()));
        let map = of("uid_map").expect("a map");
        let numbers: Vec<u32> =
            map.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [0, first, 65_536] = numbers[..] else { panic!("{map}") };
        assert_eq!(of("gid_map").expect("a map"), map);
        let status = of("status").expect("a status");
        assert!(status.contains(&format!("\nUid:\t{first}\t{first}\t{first}\t{first}\n")), "{status}");
        ranges.push(first);
    }
    assert!(ranges[0] >= 65_536 && ranges[0].abs_diff(ranges[1]) >= 65_536, "{ranges:?}");
    bench.close().await;
}

/// Where whoever has the host's disk has left one: in a home, or in what a container writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_lies_there_is_not_opened() {
    let (bench, rig) = Rig::bench().await;
    let instance = bench.running(&bench.once(&[Forever]), 1).await[0];
    let written = rig.mounts_of(instance).join("written/upper");
    for folder in [rig.state().join("homes/0"), written] {
        let place = folder.join("device");
        // /dev/null's, which everybody may use in its place.
        let (kind, mode) = (rustix::fs::FileType::CharacterDevice, Mode::from(0o666));
        rustix::fs::mknodat(CWD, &place, kind, mode, makedev(1, 3)).expect("a device");
        rustix::fs::chmod(&place, mode).expect("open to all");
        std::os::unix::fs::chown(&place, Some(STORE), Some(STORE)).expect("the tool's own");
    }
    let script = "for place in /home/device /device; do test -c $place && (cat < $place) 2>/dev/null || echo closed; done; cat /dev/null";
    assert_eq!(bench.run_process(instance, shell(&bench, script).process).await, "closed\nclosed");
    // Nor one that is nobody's to use, wherever it lies. The newer form of groups does not tell.
    let init = rig.pid_of(instance, "init").expect("a process");
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", init.as_raw_nonzero())).expect("groups");
    if let Some(group) = groups.lines().find_map(|line| line.split_once(":devices:")) {
        let list = format!("/sys/fs/cgroup/devices{}/devices.list", group.1);
        let list = fs::read_to_string(list).expect("a list");
        assert!(!list.contains("a *:*") && !list.contains("b *:* r"), "{list}");
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn powers_are_few_and_stay_so() {
    let (bench, _rig) = Rig::bench().await;
    let facts = "grep -E 'CapBnd|CapEff|CapAmb|CapInh|NoNewPrivs|Seccomp:' /proc/self/status | tr '\\t' ' '; \
                 set -- $(cat /proc/self/uid_map); echo $1 $3; [ $2 -ge 65536 ] && echo shifted; \
                 cut -d: -f3 /proc/self/cgroup | /bin/busybox sort -u";
    let wanted = [
        "CapInh: 0000000000000000",
        "CapEff: 00000000000005fb",
        "CapBnd: 00000000000005fb",
        "CapAmb: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "0 65536",
        "shifted",
        // Of control groups, it sees its own and nothing above.
        "/",
    ];
    assert_eq!(bench.lines(&shell(&bench, facts)).await, wanted);
    let mut user = shell(&bench, "grep -E 'CapEff|CapPrm' /proc/self/status | tr '\\t' ' '; id -u; id -g");
    user.process.user.uid = 1000;
    user.process.user.gid = 1000;
    assert_eq!(
        bench.lines(&user).await,
        ["CapPrm: 0000000000000000", "CapEff: 0000000000000000", "1000", "1000"]
    );
    // A second program has no more than the first.
    let instance = bench.running(&bench.once(&[Forever]), 1).await[0];
    let process = shell(&bench, facts).process;
    let session = bench.runtime().exec(Exec { instance, process, terminal: None }).await.expect("exec");
    let (out, err, end) = session.finish().await;
    assert_eq!(end, End::Exited { code: 0 }, "{}", String::from_utf8_lossy(&err));
    assert_eq!(String::from_utf8_lossy(&out).lines().collect::<Vec<_>>(), wanted);
    bench.close().await;
}

/// As many as the host allows, and no more than is enough.
fn open_files() -> String {
    let host = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    host.map_or(65_536, |host| host.min(65_536)).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold() {
    let (bench, _rig) = Rig::bench().await;
    let mut processes =
        shell(&bench, "n=0; while [ $n -lt 60 ]; do sleep 5 2>/dev/null & n=$((n+1)); done; exit 0");
    processes.limits.processes = 20;
    let outcome = bench.outcome(&processes).await;
    assert_ne!(outcome.end, End::Exited { code: 0 }, "sixty processes within a limit of twenty");
    assert!(outcome.refused > 0 && outcome.oom_kills == 0, "{outcome:?}");
    // The main process goes on when only a child of it needed too much.
    let child = shell(&bench, "sh -c 'x=0123456789; while :; do x=$x$x; done'; exit 5");
    let outcome = bench.outcome(&child).await;
    assert_eq!((outcome.end, outcome.refused), (End::Exited { code: 5 }, 0));
    assert!(outcome.oom_kills > 0, "it leaves a trace");
    let files = shell(&bench, "ulimit -n; ulimit -Hn; ulimit -n 70000 2>/dev/null || echo refused");
    assert_eq!(bench.lines(&files).await, [open_files().as_str(), &open_files(), "refused"]);
    let mut busy = shell(&bench, "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done");
    busy.limits.cpu = Cpu::milli(200);
    let outcome = bench.outcome(&busy).await;
    let wall = outcome.ended.duration_since(outcome.started.expect("a start")).as_micros();
    let cpu = i128::from(outcome.cpu_micros);
    assert!(cpu > 0 && cpu * 3 < wall, "{cpu} µs of processor time in {wall} µs");
    let mut small = shell(&bench, "dd if=/dev/zero of=/dev/null bs=60M count=1");
    small.limits.memory = Memory::mib(16);
    assert!(matches!(bench.outcome(&small).await.end, End::OutOfMemory | End::Exited { code: 1 | 137 }));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_the_containers_own() {
    let (bench, _rig) = Rig::bench().await;
    let instance = bench.running(&bench.once(&[Forever]), 1).await[0];
    let process =
        shell(&bench, "tty; stty size; echo files $(ulimit -Hn); read line; echo got $line; exit 4").process;
    let terminal = Some(TerminalSize { rows: 33, columns: 101 });
    let mut session = bench.runtime().exec(Exec { instance, process, terminal }).await.expect("exec");
    session.input.send(ExecInput::Data(b"hello\n".to_vec())).await.expect("input");
    let (mut text, mut end) = (Vec::new(), None);
    while let Some(output) = session.output.recv().await {
        match output {
            ExecOutput::Out(bytes) | ExecOutput::Err(bytes) => text.extend(bytes),
            ExecOutput::Ended(how) => end = Some(how),
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("/dev/pts/0") && text.contains("33 101") && text.contains("got hello"), "{text}");
    assert!(text.contains(&format!("files {}\r", open_files())), "{text}");
    assert_eq!(end, Some(End::Exited { code: 4 }));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_root_is_one() {
    let (bench, _rig) = Rig::bench().await;
    let mut workload =
        shell(&bench, "touch /x 2>/dev/null || echo refused; touch /tmp/x /home/x && echo fine");
    workload.read_only = true;
    assert_eq!(bench.lines(&workload).await, ["refused", "fine"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_makes_nobody_root_on_the_host() {
    use std::os::unix::fs::MetadataExt;
    let (bench, rig) = Rig::bench().await;
    let script = "cp /bin/busybox /home/su && chmod 4755 /home/su && mknod /home/fifo p; grep ' /home ' /proc/self/mountinfo | grep -c nosuid";
    assert_eq!(bench.lines(&shell(&bench, script)).await, ["1"]);
    let meta = std::fs::metadata(rig.state().join("homes/0/su")).expect("the file");
    assert_eq!((meta.uid(), meta.mode() & 0o7777), (STORE, 0o4755));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_mounts_inside_and_keeps_its_cache() {
    let (bench, _rig) = Rig::bench().await;
    let cache =
        Mount { source: MountSource::BuildCache, at: "/var/lib/containers".to_owned(), read_only: false };
    let build = |script: &str| {
        let mut workload = shell(&bench, script);
        workload.isolation = Isolation::Build;
        workload.mounts.push(cache.clone());
        workload
    };
    let script = "cd /var/lib/containers && mkdir -p lower upper work && echo base > lower/file && \
                  mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work /tmp; cat /tmp/file; \
                  (echo b > /proc/sysrq-trigger) 2>/dev/null || echo shielded; mknod /tmp/sda b 8 0 2>/dev/null || echo no-devices";
    assert_eq!(bench.lines(&build(script)).await, ["base", "shielded", "no-devices"]);
    assert_eq!(bench.lines(&build("cat /var/lib/containers/lower/file")).await, ["base"]);
    bench.close().await;
}
