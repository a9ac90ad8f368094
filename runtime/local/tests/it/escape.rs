//! Tests of isolation from inside a container: no host path, process, device or kernel setting is accessible,
//! limits hold, and privileges cannot be gained.

use std::fs;

use hearth_base::{Cpu, Memory};
use hearth_runtime_api::{
    ExecInput, ExecOutput, ExecRequest, Isolation, Mount, MountSource, TerminalSize, Termination, Workload,
    conformance::Bench,
    fake::ScriptStep::{Exit, Forever},
};
use rustix::fs::{CWD, Mode, makedev};

use crate::fixture::RuntimeFixture;

/// First id of tools' files on the disk.
const STORED_ID_BASE: u32 = 2_147_352_576;

/// Builds a run of a shell script.
pub fn build_shell_run(bench: &Bench, script: &str) -> Workload {
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    workload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn host_is_not_visible() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let state = fixture.state_folder();
    let script = format!(
        "ls -d {} {} /run/hearth-* /proc/1/root/var/lib 2>/dev/null; \
         ls /proc | grep -c '^[0-9]*$'; tr '\\0' ' ' < /proc/1/cmdline | cut -c1-7; \
         ls /dev | tr '\\n' ' '; echo; cat /proc/self/mountinfo | grep -c -E ' /(home/|root|boot) '; hostname",
        state.display(),
        env!("CARGO_MANIFEST_DIR"),
    );
    let lines = bench.run_for_lines(&build_shell_run(&bench, &script)).await;
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
async fn kernel_settings_devices_and_mounts_are_not_accessible() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
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
        let outcome = bench
            .run_to_end(&build_shell_run(&bench, &format!("({attempt}) 2>/dev/null && exit 0 || exit 9")))
            .await;
        assert_eq!(outcome.end, Termination::Exited { code: 9 }, "{attempt}");
    }
    bench.close().await;
}

/// Kernel settings of a container's own namespaces would be writable, and some of the host's are
/// world-readable, so these paths are masked or read-only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn world_accessible_kernel_files_are_masked_or_read_only() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let script = "for path in acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats; do \
                      cat /proc/$path /proc/$path/* 2>/dev/null | head -c 1 | grep -q . && echo open: $path; \
                  done; ls /sys/firmware; \
                  for setting in net/ipv4/ip_forward user/max_user_namespaces kernel/msgmax fs/mqueue/msg_max; do \
                      (cat /proc/sys/$setting > /tmp/old && cat /tmp/old > /proc/sys/$setting) 2>/dev/null && echo taken: $setting; \
                  done; \
                  for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys; do \
                      test ! -e $path || grep -q \" $path ro,\" /proc/self/mountinfo || echo writable: $path; \
                  done; echo all";
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, script)).await, ["all"]);
    bench.close().await;
}

/// Each mount belongs to the container, or is the intended folder of the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_intended_folders_of_the_host_are_mounted() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    let lines = bench.run_for_lines(&build_shell_run(&bench, "cut -d' ' -f4,5 /proc/self/mountinfo")).await;
    for line in &lines {
        let (source, at) = line.split_once(' ').expect("two words");
        let own = ["/", "/dev", "/dev/mqueue", "/dev/pts", "/dev/shm", "/proc", "/sys"].contains(&at);
        let closed = at.starts_with("/proc/") || at == "/sys/firmware";
        let good = match source {
            "/" => own || closed,
            "/null" => closed || at == "/dev/null",
            _ if at.starts_with("/etc/") => source == at,
            _ if at.starts_with("/dev/") || at.starts_with("/proc/") => at.ends_with(source),
            // The source is relative to the root of the file system: a disk of the tool's own.
            _ => at == "/home" && source == "/data",
        };
        assert!(good, "{source} is mounted at {at}: {lines:?}");
    }
    assert!(lines.iter().any(|line| line == "/data /home"), "{lines:?}");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_tools_are_disjoint_and_unused_on_the_host() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut ranges = Vec::new();
    for tool in [bench.tool, Bench::new_tool()] {
        let workload = Workload { owner: tool.into(), ..bench.build_run(&[Forever]) };
        let init = fixture.read_pid(bench.start_instances(&workload, 1).await[0], "init").expect("a process");
        let read_proc_file =
            |file: &str| fs::read_to_string(format!("/proc/{}/{file}", init.as_raw_nonzero()));
        let map = read_proc_file("uid_map").expect("a map");
        let numbers: Vec<u32> =
            map.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [0, first, 65_536] = numbers[..] else { panic!("{map}") };
        assert_eq!(read_proc_file("gid_map").expect("a map"), map);
        let status = read_proc_file("status").expect("a status");
        assert!(status.contains(&format!("\nUid:\t{first}\t{first}\t{first}\t{first}\n")), "{status}");
        ranges.push(first);
    }
    assert!(ranges[0] >= 65_536 && ranges[0].abs_diff(ranges[1]) >= 65_536, "{ranges:?}");
    bench.close().await;
}

/// The device is made from the host: in the tool's home, and in the container's upper layer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn device_file_made_by_the_host_is_not_opened() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let instance = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    let written = fixture.mounts_folder(instance).join("written/upper");
    for folder in [fixture.home_folder(instance), written] {
        let place = folder.join("device");
        // The device of /dev/null, which containers may use only at that path.
        let (kind, mode) = (rustix::fs::FileType::CharacterDevice, Mode::from(0o666));
        rustix::fs::mknodat(CWD, &place, kind, mode, makedev(1, 3)).expect("a device");
        rustix::fs::chmod(&place, mode).expect("open to all");
        std::os::unix::fs::chown(&place, Some(STORED_ID_BASE), Some(STORED_ID_BASE)).expect("the tool's own");
    }
    let script = "for place in /home/device /device; do test -c $place && (cat < $place) 2>/dev/null || echo closed; done; cat /dev/null";
    assert_eq!(bench.run_process(instance, build_shell_run(&bench, script).process).await, "closed\nclosed");
    // The control group denies other devices at any path. cgroups v2 has no readable list.
    let init = fixture.read_pid(instance, "init").expect("a process");
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", init.as_raw_nonzero())).expect("groups");
    if let Some(group) = groups.lines().find_map(|line| line.split_once(":devices:")) {
        let list = format!("/sys/fs/cgroup/devices{}/devices.list", group.1);
        let list = fs::read_to_string(list).expect("a list");
        assert!(!list.contains("a *:*") && !list.contains("b *:* r"), "{list}");
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capabilities_are_few_and_cannot_be_gained() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let facts = "grep -E 'CapBnd|CapEff|CapAmb|CapInh|NoNewPrivs|Seccomp:' /proc/self/status | tr '\\t' ' '; \
                 set -- $(cat /proc/self/uid_map); echo $1 $3; [ $2 -ge 65536 ] && echo shifted; \
                 cut -d: -f3 /proc/self/cgroup | /bin/busybox sort -u";
    let expected = [
        "CapInh: 0000000000000000",
        "CapEff: 00000000000005fb",
        "CapBnd: 00000000000005fb",
        "CapAmb: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "0 65536",
        "shifted",
        // The container sees its own control group as the root.
        "/",
    ];
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, facts)).await, expected);
    let mut user =
        build_shell_run(&bench, "grep -E 'CapEff|CapPrm' /proc/self/status | tr '\\t' ' '; id -u; id -g");
    user.process.user.uid = 1000;
    user.process.user.gid = 1000;
    assert_eq!(
        bench.run_for_lines(&user).await,
        ["CapPrm: 0000000000000000", "CapEff: 0000000000000000", "1000", "1000"]
    );
    // An exec program has no more privileges than the first one.
    let instance = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    let process = build_shell_run(&bench, facts).process;
    let session =
        bench.runtime().exec(ExecRequest { instance, process, terminal: None }).await.expect("exec");
    let (out, err, end) = session.collect_output().await;
    assert_eq!(end, Termination::Exited { code: 0 }, "{}", String::from_utf8_lossy(&err));
    assert_eq!(String::from_utf8_lossy(&out).lines().collect::<Vec<_>>(), expected);
    bench.close().await;
}

/// Expected limit of open files: 65536, or the host's hard limit if it is lower.
fn expected_open_files() -> String {
    let host = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    host.map_or(65_536, |host| host.min(65_536)).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resource_limits_hold() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let mut processes = build_shell_run(
        &bench,
        "n=0; while [ $n -lt 60 ]; do sleep 5 2>/dev/null & n=$((n+1)); done; exit 0",
    );
    processes.limits.processes = 20;
    let outcome = bench.run_to_end(&processes).await;
    assert_ne!(
        outcome.end,
        Termination::Exited { code: 0 },
        "sixty processes started despite a limit of twenty"
    );
    assert!(outcome.refused_forks > 0 && outcome.oom_kills == 0, "{outcome:?}");
    // The main process keeps running when the OOM killer kills only a child.
    let child = build_shell_run(&bench, "sh -c 'x=0123456789; while :; do x=$x$x; done'; exit 5");
    let outcome = bench.run_to_end(&child).await;
    assert_eq!((outcome.end, outcome.refused_forks), (Termination::Exited { code: 5 }, 0));
    assert!(outcome.oom_kills > 0, "the OOM kill is counted");
    let files = build_shell_run(&bench, "ulimit -n; ulimit -Hn; ulimit -n 70000 2>/dev/null || echo refused");
    assert_eq!(
        bench.run_for_lines(&files).await,
        [expected_open_files().as_str(), &expected_open_files(), "refused"]
    );
    let mut busy = build_shell_run(&bench, "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done");
    busy.limits.cpu = Cpu::from_milli(200);
    let outcome = bench.run_to_end(&busy).await;
    let wall = outcome.ended.duration_since(outcome.started.expect("a start")).as_micros();
    let cpu = i128::from(outcome.cpu_micros);
    assert!(cpu > 0 && cpu * 3 < wall, "{cpu} µs of processor time in {wall} µs");
    let mut small = build_shell_run(&bench, "dd if=/dev/zero of=/dev/null bs=60M count=1");
    small.limits.memory = Memory::from_mib(16);
    assert!(matches!(
        bench.run_to_end(&small).await.end,
        Termination::OutOfMemory | Termination::Exited { code: 1 | 137 }
    ));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminal_belongs_to_the_container() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let instance = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    let process = build_shell_run(
        &bench,
        "tty; stty size; echo files $(ulimit -Hn); read line; echo got $line; exit 4",
    )
    .process;
    let terminal = Some(TerminalSize { rows: 33, columns: 101 });
    let mut session = bench.runtime().exec(ExecRequest { instance, process, terminal }).await.expect("exec");
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
    assert!(text.contains(&format!("files {}\r", expected_open_files())), "{text}");
    assert_eq!(end, Some(Termination::Exited { code: 4 }));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_root_is_not_writable() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let mut workload =
        build_shell_run(&bench, "touch /x 2>/dev/null || echo refused; touch /tmp/x /home/x && echo fine");
    workload.read_only = true;
    assert_eq!(bench.run_for_lines(&workload).await, ["refused", "fine"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setuid_file_in_a_volume_does_not_belong_to_root_on_the_host() {
    use std::os::unix::fs::MetadataExt;
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let instance = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    let script = "cp /bin/busybox /home/su && chmod 4755 /home/su && mknod /home/fifo p; grep ' /home ' /proc/self/mountinfo | grep -c nosuid";
    assert_eq!(bench.run_process(instance, build_shell_run(&bench, script).process).await, "1");
    let meta = std::fs::metadata(fixture.home_folder(instance).join("su")).expect("the file");
    assert_eq!((meta.uid(), meta.mode() & 0o7777), (STORED_ID_BASE, 0o4755));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn build_can_mount_and_its_cache_persists() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let cache =
        Mount { source: MountSource::BuildCache, at: "/var/lib/containers".to_owned(), read_only: false };
    let build = |script: &str| {
        let mut workload = build_shell_run(&bench, script);
        workload.isolation = Isolation::Build;
        workload.mounts.push(cache.clone());
        workload
    };
    let script = "cd /var/lib/containers && mkdir -p lower upper work && echo base > lower/file && \
                  mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work /tmp; cat /tmp/file; \
                  (echo b > /proc/sysrq-trigger) 2>/dev/null || echo shielded; mknod /tmp/sda b 8 0 2>/dev/null || echo no-devices";
    assert_eq!(bench.run_for_lines(&build(script)).await, ["base", "shielded", "no-devices"]);
    assert_eq!(bench.run_for_lines(&build("cat /var/lib/containers/lower/file")).await, ["base"]);
    bench.close().await;
}
