//! The suite that every runtime passes.

use hearth_runtime_api::conformance::Bench;

async fn bench() -> Bench {
    Bench::new(crate::rig::Rig::start().await)
}

hearth_runtime_api::conformance_tests!(super::bench);
