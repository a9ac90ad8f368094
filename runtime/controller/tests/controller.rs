//! Tests the controller on the fake runtime.

#![expect(clippy::expect_used, reason = "test code: a failed expectation ends the test")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Digest, Error, Result, SystemClock};
use hearth_runtime_api::{
    ByteStream, Compression, ImageReference, LayerDescriptor, LogPage, Owner, Process, ResolvedImage,
    Runtime,
    conformance::{Bench, Harness},
    engine::RestartBackoff,
    fake::{
        FakeRuntime, Script,
        ScriptStep::{Await, Exit, Forever, Open, Out},
    },
};
use hearth_runtime_controller::{Controller, ImageStore, LinePace, LogPump, LogSink};
use sha2::{Digest as _, Sha256};

const LAYER_BYTES: &[u8] = b"a layer";

struct FakeHarness(Arc<FakeRuntime>);

#[async_trait]
impl Harness for FakeHarness {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.0) as Arc<dyn Runtime>
    }

    fn image(&self) -> ResolvedImage {
        build_image()
    }

    fn build_process(&self, script: &Script) -> Process {
        script.to_process()
    }

    async fn restart(&self) {}

    async fn close(self: Box<Self>) {}
}

fn build_image() -> ResolvedImage {
    let digest = Digest::new(Sha256::digest(LAYER_BYTES).into());
    let layer = LayerDescriptor {
        digest,
        size: LAYER_BYTES.len() as u64,
        compression: Compression::None,
        diff_id: None,
    };
    let reference = ImageReference::new("example/image", Digest::new([1; 32])).expect("a reference");
    ResolvedImage { reference, layers: vec![layer] }
}

/// An image store that counts calls, and optionally returns wrong bytes.
#[derive(Default)]
struct CountingStore {
    found: AtomicUsize,
    read: AtomicUsize,
    wrong: bool,
}

#[async_trait]
impl ImageStore for CountingStore {
    async fn find_layers(&self, _: Owner, reference: &ImageReference) -> Result<Vec<LayerDescriptor>> {
        self.found.fetch_add(1, Ordering::Relaxed);
        assert_eq!(reference, &build_image().reference);
        Ok(build_image().layers)
    }

    async fn read_blob(&self, _: Owner, _: Digest) -> Result<ByteStream<'static>> {
        self.read.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let bytes = if self.wrong { b"another" } else { LAYER_BYTES };
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }
}

fn build_bench() -> Bench {
    Bench::new(FakeHarness(FakeRuntime::new(Arc::new(SystemClock), RestartBackoff::default())))
}

fn build_controller(bench: &Bench, store: &Arc<CountingStore>) -> Controller {
    Controller::new(bench.runtime(), Arc::clone(store) as Arc<dyn ImageStore>)
}

#[tokio::test]
async fn missing_image_is_delivered_once_for_concurrent_applies() {
    let (bench, store) = (build_bench(), Arc::new(CountingStore::default()));
    let controller = build_controller(&bench, &store);
    let (one, two) = (bench.build_run(&[Exit(0)]), bench.build_run(&[Exit(0)]));
    let (first, second) = tokio::join!(controller.apply_workload(&one), controller.apply_workload(&two));
    first.and(second).expect("apply");
    assert_eq!((store.found.load(Ordering::Relaxed), store.read.load(Ordering::Relaxed)), (1, 1));
    for workload in [&one, &two] {
        bench.wait_for_end(workload.id()).await;
    }
}

#[tokio::test]
async fn removed_image_is_delivered_again() {
    let (bench, store) = (build_bench(), Arc::new(CountingStore::default()));
    let controller = build_controller(&bench, &store);
    let runtime = bench.runtime();
    for deliveries in 1..=2 {
        let workload = bench.build_run(&[Exit(0)]);
        controller.apply_workload(&workload).await.expect("apply");
        assert_eq!(store.read.load(Ordering::Relaxed), deliveries);
        bench.wait_for_end(workload.id()).await;
        runtime.acknowledge_workload(workload.id()).await.expect("acknowledge");
        runtime.remove_images(&BTreeSet::new(), Duration::ZERO).await.expect("remove");
    }
}

#[tokio::test]
async fn store_is_not_queried_for_a_present_image() {
    let (bench, store) = (build_bench(), Arc::new(CountingStore::default()));
    let controller = build_controller(&bench, &store);
    for _ in 0..3 {
        let workload = bench.build_run(&[Exit(0)]);
        controller.apply_workload(&workload).await.expect("apply");
        bench.wait_for_end(workload.id()).await;
    }
    assert_eq!((store.found.load(Ordering::Relaxed), store.read.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn layer_with_a_wrong_digest_fails_the_apply() {
    let (bench, store) = (build_bench(), Arc::new(CountingStore { wrong: true, ..CountingStore::default() }));
    let refused = build_controller(&bench, &store).apply_workload(&bench.build_run(&[Exit(0)])).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("layer-digest"));
    assert_eq!(store.read.load(Ordering::Relaxed), 1);
}

/// A sink in memory that refuses a number of pages first.
#[derive(Default)]
struct MemorySink {
    lines: Vec<String>,
    refused: usize,
    complete: bool,
    /// The answer about the container's end, and whether the pump has asked for it.
    has_ended: bool,
    is_asked: Arc<AtomicBool>,
}

#[async_trait]
impl LogSink for MemorySink {
    async fn store_page(&mut self, page: LogPage) -> Result<()> {
        if self.refused > 0 {
            self.refused -= 1;
            return Err(Error::unavailable("away", "the store is not reachable"));
        }
        self.lines.extend(page.lines.into_iter().map(|line| line.text));
        self.complete = page.complete;
        Ok(())
    }

    async fn has_container_ended(&mut self) -> Result<bool> {
        self.is_asked.store(true, Ordering::Relaxed);
        Ok(self.has_ended)
    }
}

#[tokio::test]
async fn log_pump_continues_after_the_last_stored_page() {
    let (bench, store) = (build_bench(), Arc::new(CountingStore::default()));
    let workload = bench.build_set(1, &[Out("one".into()), Await("go".into()), Out("two".into()), Forever]);
    build_controller(&bench, &store).apply_workload(&workload).await.expect("apply");
    let state = bench.wait_for_state(workload.id(), |state| state.running_instances().count() == 1).await;
    let instance = state.running_instances().next().expect("one runs").id;
    let runtime = bench.runtime();
    let (mut pump, mut sink) =
        (LogPump::new(&*runtime, instance, 1), MemorySink { refused: 1, ..MemorySink::default() });
    assert!(pump.run(&mut sink).await.is_err());
    assert_eq!((pump.next(), sink.lines.len()), (1, 0));
    let finish = async {
        bench.run_steps_in(instance, &[Open("go".into())]).await;
        bench
            .wait_until("the second line is logged", || async {
                bench.read_log(instance, 2).await.lines.len() == 1
            })
            .await;
        runtime.stop(workload.id(), workload.version, Duration::from_secs(20)).await
    };
    let (pumped, stopped) = tokio::join!(pump.run(&mut sink), finish);
    pumped.and(stopped).expect("the log to its end");
    assert_eq!((sink.lines, sink.complete), (vec!["one".to_owned(), "two".to_owned()], true));
}

#[tokio::test]
async fn log_of_a_forgotten_container_is_complete() {
    let bench = build_bench();
    let instance =
        hearth_runtime_api::InstanceId { workload: bench.build_run(&[Exit(0)]).id(), replica: 0, start: 1 };
    let runtime = bench.runtime();
    let mut sink = MemorySink { has_ended: true, ..MemorySink::default() };
    LogPump::new(&*runtime, instance, 8).run(&mut sink).await.expect("the end");
    assert!(sink.complete && sink.lines.is_empty());
}

#[tokio::test]
async fn log_pump_pauses_while_the_tool_has_written_too_many_lines() {
    let (bench, store) = (build_bench(), Arc::new(CountingStore::default()));
    let workload = bench.build_set(1, &[Out("one".into()), Await("go".into()), Out("two".into()), Forever]);
    build_controller(&bench, &store).apply_workload(&workload).await.expect("apply");
    let state = bench.wait_for_state(workload.id(), |state| state.running_instances().count() == 1).await;
    let instance = state.running_instances().next().expect("one runs").id;
    let (runtime, pace) = (bench.runtime(), Arc::new(LinePace::default()));
    // Another container of the tool has written more than an hour may hold.
    pace.count_lines(10_000_000, tokio::time::Instant::now());
    let mut sink = MemorySink::default();
    let is_asked = Arc::clone(&sink.is_asked);
    let mut pump = LogPump::new(&*runtime, instance, 1).with_pace(Arc::clone(&pace));
    let write_more = async {
        bench.wait_until("the pump pauses", || async { is_asked.load(Ordering::Relaxed) }).await;
        bench.run_steps_in(instance, &[Open("go".into())]).await;
        bench
            .wait_until("the second line is logged", || async {
                bench.read_log(instance, 2).await.lines.len() == 1
            })
            .await;
    };
    tokio::select! {
        _ = pump.run(&mut sink) => panic!("the log of a running container has no end"),
        () = write_more => {}
    }
    assert_eq!(sink.lines, ["one"]);
    // The rest of an ended container is copied at once.
    runtime.stop(workload.id(), workload.version, Duration::from_secs(20)).await.expect("stop");
    bench.wait_until("the container ends", || async { bench.read_log(instance, 1).await.complete }).await;
    let mut sink = MemorySink { has_ended: true, ..MemorySink::default() };
    LogPump::new(&*runtime, instance, 1).with_pace(pace).run(&mut sink).await.expect("the end");
    assert_eq!(sink.lines, ["one", "two"]);
}
