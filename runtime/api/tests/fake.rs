//! Runs the conformance suite on the fake runtime.

use std::{
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
};

struct FakeHarness(Mutex<Arc<FakeRuntime>>);

impl FakeHarness {
    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    fn current_runtime(&self) -> Arc<FakeRuntime> {
        Arc::clone(&self.0.lock().expect("a lock"))
    }
}

#[async_trait]
impl Harness for FakeHarness {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.current_runtime() as Arc<dyn Runtime>
    }

    fn image(&self) -> ResolvedImage {
        Bench::build_bare_image()
    }

    fn build_process(&self, script: &Script) -> Process {
        script.to_process()
    }

    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    async fn restart(&self) {
        let next = self.current_runtime().restart_process();
        *self.0.lock().expect("a lock") = next;
    }

    async fn close(self: Box<Self>) {}
}

async fn build_bench() -> Bench {
    let pauses = RestartBackoff { initial_delay: Duration::from_millis(20), ..RestartBackoff::default() };
    let fake = FakeRuntime::new(Arc::new(SystemClock), pauses);
    fake.add_image(&Bench::build_bare_image());
    Bench::new(FakeHarness(Mutex::new(fake)))
}

hearth_runtime_api::conformance_tests!(crate::build_bench);
