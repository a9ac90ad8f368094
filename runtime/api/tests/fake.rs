//! The conformance suite on the fake.

use std::{
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
};

struct InMemory(Mutex<Arc<Fake>>);

impl InMemory {
    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    fn fake(&self) -> Arc<Fake> {
        Arc::clone(&self.0.lock().expect("a lock"))
    }
}

#[async_trait]
impl Harness for InMemory {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.fake() as Arc<dyn Runtime>
    }

    fn image(&self) -> Image {
        Bench::bare_image()
    }

    fn process(&self, script: &Script) -> Process {
        script.process()
    }

    #[expect(clippy::expect_used, reason = "a test's own set-up")]
    async fn restart(&self) {
        let next = self.fake().begin_next_life();
        *self.0.lock().expect("a lock") = next;
    }

    async fn close(self: Box<Self>) {}
}

async fn bench() -> Bench {
    let pauses = Pauses { first: Duration::from_millis(20), ..Pauses::default() };
    let fake = Fake::new(Arc::new(SystemClock), pauses);
    fake.has_image(&Bench::bare_image());
    Bench::new(InMemory(Mutex::new(fake)))
}

hearth_runtime_api::conformance_tests!(crate::bench);
