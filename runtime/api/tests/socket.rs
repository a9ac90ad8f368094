//! Runs the conformance suite on a fake runtime behind the socket, and tests the socket itself.

use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::SystemClock;
use hearth_runtime_api::{
    Process, ResolvedImage, Runtime,
    conformance::{Bench, Harness},
    engine::RestartBackoff,
    fake::{FakeRuntime, Script},
    wire::{AllowedCallers, RuntimeClient, serve},
};
use tempfile::TempDir;
use tokio::{net::UnixListener, task::JoinSet};

struct SocketHarness {
    folder: TempDir,
    process: Mutex<ServedProcess>,
}

/// A fake runtime and the server of its socket.
struct ServedProcess {
    fake: Arc<FakeRuntime>,
    _server: JoinSet<()>,
}

impl ServedProcess {
    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    fn begin(fake: Arc<FakeRuntime>, folder: &Path, uids: Vec<u32>) -> Self {
        let path = folder.join("socket");
        let _there_may_be_an_old_one = std::fs::remove_file(&path);
        let listener = UnixListener::bind(path).expect("a socket");
        let mut server = JoinSet::new();
        server.spawn(serve(listener, AllowedCallers { uids }, Arc::clone(&fake) as Arc<dyn Runtime>));
        Self { fake, _server: server }
    }
}

#[async_trait]
impl Harness for SocketHarness {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(RuntimeClient::new(self.folder.path().join("socket")))
    }

    fn image(&self) -> ResolvedImage {
        Bench::build_bare_image()
    }

    fn build_process(&self, script: &Script) -> Process {
        script.to_process()
    }

    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    async fn restart(&self) {
        let mut process = self.process.lock().expect("a lock");
        let next = process.fake.restart_process();
        *process = ServedProcess::begin(next, self.folder.path(), vec![own_uid()]);
    }

    async fn close(self: Box<Self>) {}
}

#[expect(clippy::expect_used, reason = "a test's own set-up")]
async fn serve_fake(uids: Vec<u32>) -> SocketHarness {
    let pauses = RestartBackoff { initial_delay: Duration::from_millis(20), ..RestartBackoff::default() };
    let fake = FakeRuntime::new(Arc::new(SystemClock), pauses);
    fake.add_image(&Bench::build_bare_image());
    let folder = tempfile::tempdir().expect("a folder");
    let process = Mutex::new(ServedProcess::begin(fake, folder.path(), uids));
    SocketHarness { folder, process }
}

#[expect(clippy::expect_used, reason = "a test's own set-up")]
fn own_uid() -> u32 {
    std::fs::metadata("/proc/self").expect("/proc").uid()
}

async fn build_bench() -> Bench {
    Bench::new(serve_fake(vec![own_uid()]).await)
}

hearth_runtime_api::conformance_tests!(crate::build_bench);

#[tokio::test]
async fn caller_with_another_uid_is_refused() {
    let served = serve_fake(vec![own_uid() + 1]).await;
    let refused = served.runtime().read_usage().await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("runtime-caller"));
}

#[tokio::test]
async fn unreachable_runtime_is_reported() {
    let away = RuntimeClient::new("/nonexistent/socket");
    let error = away.read_usage().await.err();
    assert_eq!(error.as_ref().map(|error| error.code()), Some("runtime-unavailable"));
    assert!(error.as_ref().is_some_and(|error| error.help_text().is_some()));
}
