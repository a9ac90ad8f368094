//! Tests of homes and build caches: limits of size and inodes, sharing, erasure, and damage.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use hearth_runtime_api::{
    Isolation, Mount, MountSource, Termination, Workload,
    conformance::Bench,
    fake::ScriptStep::{Exit, Forever, Save, Show},
};
use hearth_runtime_local::StateFormat;

use crate::{escape::build_shell_run, fixture::RuntimeFixture};

/// First id of tools' files on the disk.
const STORED_ID_BASE: u32 = 2_147_352_576;

async fn start_bench_with(arguments: &[&str]) -> (Bench, RuntimeFixture) {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    let fixture = RuntimeFixture::start_with(arguments).await;
    (Bench::new(fixture.clone()), fixture)
}

fn build_cache_run(bench: &Bench, script: &str) -> Workload {
    let mut workload = build_shell_run(bench, script);
    workload.isolation = Isolation::Build;
    workload.mounts = vec![Mount {
        source: MountSource::BuildCache,
        at: "/var/lib/containers".to_owned(),
        read_only: false,
    }];
    workload
}

/// Waits until no helper has the disk file mounted any more. Returns its path.
async fn wait_until_unused(bench: &Bench, fixture: &RuntimeFixture, name: &str) -> PathBuf {
    let disk = fixture.state_folder().join(name);
    let is_unused = || async {
        let devices = fs::read_dir("/sys/block").expect("block devices").filter_map(Result::ok);
        let mut files =
            devices.filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
        files.all(|file| Path::new(file.trim_end()) != disk)
    };
    bench.wait_until("no helper uses the disk file", is_unused).await;
    disk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_takes_neither_more_bytes_nor_more_files_than_its_quota() {
    let (bench, fixture) = start_bench_with(&["home=64Mi:3000"]).await;
    let fill = "dd if=/dev/zero of=/home/big bs=1M count=100 2>/dev/null && echo all; rm /home/big; \
                cd /home; mkdir many; n=0; while [ $n -lt 3500 ]; do echo > many/$n || break; n=$((n+1)); done 2>/dev/null; \
                test $n -lt 3500 && test $n -gt 2500 && echo limited; rm -r many; echo kept > /home/small; cat /home/small";
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, fill)).await, ["limited", "kept"]);
    // The disk file gives the space of deleted files back to the host.
    let disk = fixture.state_folder().join("homes/0.disk");
    let is_small = || async { fs::metadata(&disk).expect("a disk file").blocks() * 512 < 24 << 20 };
    bench.wait_until("the host has the space again", is_small).await;
    let mut other =
        build_shell_run(&bench, "dd if=/dev/zero of=/home/x bs=1M count=20 2>/dev/null && echo fits");
    other.owner = Bench::new_tool().into();
    assert_eq!(bench.run_for_lines(&other).await, ["fits"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_of_a_tool_share_its_home_also_after_a_restart_of_the_runtime() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let first = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    bench.run_steps_in(first, &[Save("one".into())]).await;
    fixture.restart().await;
    assert_eq!(bench.run_for_lines(&bench.build_run(&[Show])).await, ["one"]);
    assert_eq!(
        bench.run_for_lines(&build_shell_run(&bench, "echo two > /home/other; echo done")).await,
        ["done"]
    );
    let mut read = bench.build_process(&[]);
    read.argv = ["/bin/cat", "/home/other"].map(String::from).into();
    assert_eq!(bench.run_process(first, read).await, "two");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn build_cache_that_is_almost_full_is_emptied_before_the_next_build() {
    let (bench, fixture) = start_bench_with(&["cache=64Mi:3000"]).await;
    let write = |megabytes: u32| {
        format!(
            "cd /var/lib/containers; cat note 2>/dev/null; dd if=/dev/zero of=part-$$ bs=1M count={megabytes} 2>/dev/null; echo kept > note"
        )
    };
    assert!(bench.run_for_lines(&build_cache_run(&bench, &write(8))).await.is_empty());
    assert_eq!(bench.run_for_lines(&build_cache_run(&bench, &write(56))).await, ["kept"]);
    wait_until_unused(&bench, &fixture, "caches/0.disk").await;
    let count = build_cache_run(&bench, "ls /var/lib/containers | wc -l");
    assert_eq!(bench.run_for_lines(&count).await, ["0"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn number_of_an_erased_tool_is_lent_to_another_that_finds_nothing_of_it() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    bench.run_to_end(&bench.build_run(&[Save("old".into())])).await;
    bench.run_to_end(&build_cache_run(&bench, "echo old > /var/lib/containers/note")).await;
    bench.runtime().erase_tool(bench.tool).await.expect("erase");
    for name in ["homes", "caches", "trash"] {
        let entries = fs::read_dir(fixture.state_folder().join(name)).expect("a folder");
        assert_eq!(entries.count(), 0, "{name}");
    }
    let owner = Bench::new_tool().into();
    let show = Workload { owner, ..bench.build_run(&[Show]) };
    assert_eq!(bench.run_for_lines(&show).await, ["nothing"]);
    assert!(fixture.state_folder().join("homes/0.disk").exists(), "the number is the same");
    let show = Workload { owner, ..build_cache_run(&bench, "ls /var/lib/containers | wc -l") };
    assert_eq!(bench.run_for_lines(&show).await, ["0"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_that_cannot_be_repaired_is_not_replaced() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    bench.run_to_end(&bench.build_run(&[Save("old".into())])).await;
    let disk = wait_until_unused(&bench, &fixture, "homes/0.disk").await;
    let good = fs::read(&disk).expect("a disk file");
    fs::write(&disk, vec![0; good.len()]).expect("a damaged disk file");
    let outcome = bench.run_to_end(&bench.build_run(&[Exit(0)])).await;
    let Termination::NotStarted { reason } = &outcome.end else { panic!("{outcome:?}") };
    assert!(reason.contains("e2fsck"), "{reason}");
    fs::write(&disk, good).expect("the disk file");
    assert_eq!(bench.run_for_lines(&bench.build_run(&[Show])).await, ["old"]);
    bench.close().await;
}

/// An earlier release made homes as folders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_that_is_a_folder_is_moved_to_a_disk_with_all_its_files() {
    let (bench, fixture) = start_bench_with(&["home=64Mi:3000"]).await;
    let home = fixture.state_folder().join("homes/0");
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("note"), "kept\n").expect("a file");
    std::os::unix::fs::symlink("/etc/shadow", home.join("link")).expect("a link");
    for path in [home.clone(), home.join("note"), home.join("link")] {
        std::os::unix::fs::lchown(&path, Some(STORED_ID_BASE), Some(STORED_ID_BASE)).expect("an owner");
    }
    let script = "cat /home/note; stat -c '%u' /home/note /home; ls -l /home | grep -c 'link -> /etc/shadow'";
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, script)).await, ["kept", "0", "0", "1"]);
    assert!(fixture.state_folder().join("homes/0.disk").exists() && !home.exists());
    bench.close().await;
}

/// A roll-back to release 0.1 finds the homes, which it knows as folders only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_stays_a_folder_until_the_upgrade_from_release_0_1_is_finished() {
    let (bench, fixture) = start_bench_with(&["home=64Mi:3000"]).await;
    let (state, home) = (fixture.state_folder(), fixture.state_folder().join("homes/0"));
    // Release 0.1 has no such file.
    fs::remove_file(state.join("format.json")).expect("the format of a new state folder");
    fixture.restart().await;
    bench.run_to_end(&bench.build_run(&[Save("kept".into())])).await;
    bench.run_to_end(&build_cache_run(&bench, "echo old > /var/lib/containers/note")).await;
    assert!(home.is_dir() && !home.with_extension("disk").exists());
    assert!(state.join("caches/0.disk").exists(), "a build cache is disposable, so it has a disk");

    StateFormat::finish_upgrade(&state).expect("the end of the upgrade");
    fixture.restart().await;
    let has_moved = || async {
        assert_eq!(bench.run_for_lines(&bench.build_run(&[Show])).await, ["kept"]);
        home.with_extension("disk").exists() && !home.exists()
    };
    bench.wait_until("the home has a disk", has_moved).await;
    bench.close().await;
}

/// Release 0.1 keeps its build caches in folders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn build_cache_of_an_earlier_release_is_removed() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let list = "ls /var/lib/containers; echo new > /var/lib/containers/note";
    assert!(bench.run_for_lines(&build_cache_run(&bench, list)).await.is_empty());
    let folder = fixture.state_folder().join("caches/0");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("old"), "old").expect("a file");
    let is_removed = || async {
        assert_eq!(bench.run_for_lines(&build_cache_run(&bench, list)).await, ["note"]);
        !folder.exists()
    };
    bench.wait_until("the folder is removed", is_removed).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folder_that_exceeds_the_quota_stays_in_use() {
    let (bench, fixture) = start_bench_with(&["home=32Mi:3000"]).await;
    let home = fixture.state_folder().join("homes/0");
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("big"), vec![7; 40 << 20]).expect("a file");
    for path in [home.clone(), home.join("big")] {
        std::os::unix::fs::chown(&path, Some(STORED_ID_BASE), Some(STORED_ID_BASE)).expect("an owner");
    }
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, "stat -c %s /home/big")).await, ["41943040"]);
    assert!(home.exists() && fs::read_dir(home.parent().expect("a folder")).expect("homes").count() == 1);
    bench.close().await;
}
