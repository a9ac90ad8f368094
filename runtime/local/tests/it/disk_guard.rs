//! Containers that fill the disk of the host together: the writers end before the disk is full.

use hearth_runtime_api::{Termination, conformance::Bench, fake::ScriptStep::Forever};
use rustix::fs::statvfs;

use crate::{escape::build_shell_run, fixture::RuntimeFixture};

/// Size of the disk of the host.
const DISK_BYTES: u64 = 600 << 20;
/// Floor of free space.
const MIN_FREE_BYTES: u64 = 240 << 20;
/// Free space that must be left: half of the floor, less what is written between two looks.
const MIN_LEFT_BYTES: u64 = 40 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn container_that_fills_the_disk_of_the_host_is_killed_and_others_are_not() {
    let arguments = vec![format!("min-free-disk={MIN_FREE_BYTES}"), "home=560Mi:3000".to_owned()];
    let fixture = RuntimeFixture::start_on_disk(DISK_BYTES, arguments).await;
    let bench = Bench::new(fixture.clone());
    let mut quiet = bench.build_run(&[Forever]);
    quiet.owner = Bench::new_tool().into();
    bench.start_instances(&quiet, 1).await;
    // It fits into its own home, and not on the disk of the host.
    let fill = "n=0; while [ $n -lt 260 ]; do \
                dd if=/dev/urandom of=/home/$n bs=1M count=2 conv=fsync 2>/dev/null || exit 1; n=$((n+1)); done";
    let outcome = bench.run_to_end(&build_shell_run(&bench, fill)).await;
    assert_eq!(outcome.end, Termination::Killed { signal: 9 });
    let disk = statvfs(fixture.state_folder()).expect("the disk");
    assert!(disk.f_bavail * disk.f_frsize > MIN_LEFT_BYTES, "{} blocks are left", disk.f_bavail);
    bench.wait_for_state(quiet.id(), |state| state.running_instances().count() == 1).await;
    bench.close().await;
}
