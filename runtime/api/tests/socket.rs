//! The conformance suite on the fake behind its socket, and what only the socket does.

use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::SystemClock;
use hearth_runtime_api::{
    Image, Process, Runtime,
    conformance::{Bench, Harness},
    engine::Pauses,
    fake::{Fake, Script},
    wire::{Callers, Socket, serve},
};
use tempfile::TempDir;
use tokio::{net::UnixListener, task::JoinSet};

struct Served {
    folder: TempDir,
    life: Mutex<Life>,
}

/// A fake and its socket.
struct Life {
    fake: Arc<Fake>,
    _server: JoinSet<()>,
}

impl Life {
    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    fn begin(fake: Arc<Fake>, folder: &Path, uids: Vec<u32>) -> Self {
        let path = folder.join("socket");
        let _there_may_be_an_old_one = std::fs::remove_file(&path);
        let listener = UnixListener::bind(path).expect("a socket");
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Callers { uids }, Arc::clone(&fake) as Arc<dyn Runtime>));
        Self { fake, _server: server }
    }
}

#[async_trait]
impl Harness for Served {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(Socket::at(self.folder.path().join("socket")))
    }

    fn image(&self) -> Image {
        Bench::bare_image()
    }

    fn process(&self, script: &Script) -> Process {
        script.process()
    }

    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    async fn restart(&self) {
        let mut life = self.life.lock().expect("a lock");
        let next = life.fake.begin_next_life();
        *life = Life::begin(next, self.folder.path(), vec![own_uid()]);
    }

    async fn close(self: Box<Self>) {}
}

#[expect(clippy::expect_used, reason = "a test's own set-up")]
async fn served(uids: Vec<u32>) -> Served {
    let pauses = Pauses { first: Duration::from_millis(20), ..Pauses::default() };
    let fake = Fake::new(Arc::new(SystemClock), pauses);
    fake.has_image(&Bench::bare_image());
    let folder = tempfile::tempdir().expect("a folder");
    let life = Mutex::new(Life::begin(fake, folder.path(), uids));
    Served { folder, life }
}

#[expect(clippy::expect_used, reason = "a test's own set-up")]
fn own_uid() -> u32 {
    std::fs::metadata("/proc/self").expect("/proc").uid()
}

async fn bench() -> Bench {
    Bench::new(served(vec![own_uid()]).await)
}

hearth_runtime_api::conformance_tests!(crate::bench);

#[tokio::test]
async fn a_stranger_on_the_host_is_refused() {
    let served = served(vec![own_uid() + 1]).await;
    let refused = served.runtime().usage().await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("runtime-caller"));
}

#[tokio::test]
async fn a_runtime_that_is_away_is_named() {
    let away = Socket::at("/nonexistent/socket");
    let error = away.usage().await.err();
    assert_eq!(error.as_ref().map(|error| error.code()), Some("runtime-away"));
    assert!(error.as_ref().is_some_and(|error| error.next().is_some()));
}
