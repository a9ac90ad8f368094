//! The conformance suite on the fake.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hearth_base::SystemClock;
use hearth_runtime_api::{
    LayerId, Process, Runtime,
    conformance::{Bench, Harness},
    engine::Pauses,
    fake::{Fake, Script},
};

struct InMemory(Arc<Fake>);

#[async_trait]
impl Harness for InMemory {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.0) as Arc<dyn Runtime>
    }

    fn layers(&self) -> Vec<LayerId> {
        vec![LayerId::new([7; 32])]
    }

    fn process(&self, script: &Script) -> Process {
        script.process()
    }

    async fn close(self: Box<Self>) {}
}

async fn bench() -> Bench {
    let pauses = Pauses { first: Duration::from_millis(20), ..Pauses::default() };
    let fake = Fake::new(Arc::new(SystemClock), pauses);
    fake.has_layer(LayerId::new([7; 32]));
    Bench::new(InMemory(fake))
}

hearth_runtime_api::conformance_tests!(crate::bench);
