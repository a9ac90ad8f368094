//! Conformance suite of all runtimes.

use hearth_runtime_api::conformance::Bench;

async fn start_bench() -> Bench {
    Bench::new(crate::fixture::RuntimeFixture::start().await)
}

hearth_runtime_api::conformance_tests!(super::start_bench);
