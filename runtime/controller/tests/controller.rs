//! The controller, on the fake.

#![expect(clippy::expect_used, reason = "tests: a broken promise ends them")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Digest, Error, Result, SystemClock};
use hearth_runtime_api::{
    Bytes, Compression, Image, ImageReference, LayerDescriptor, LogPage, Owner, Process, Runtime,
    conformance::{Bench, Harness},
    engine::Pauses,
    fake::{
        Fake, Script,
        Step::{Await, Exit, Forever, Open, Out},
    },
};
use hearth_runtime_controller::{Controller, ImageStore, LogPump, LogSink};
use sha2::{Digest as _, Sha256};

const LAYER: &[u8] = b"a layer";

struct InMemory(Arc<Fake>);

#[async_trait]
impl Harness for InMemory {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.0) as Arc<dyn Runtime>
    }

    fn image(&self) -> Image {
        image()
    }

    fn process(&self, script: &Script) -> Process {
        script.process()
    }

    async fn restart(&self) {}

    async fn close(self: Box<Self>) {}
}

fn image() -> Image {
    let digest = Digest::new(Sha256::digest(LAYER).into());
    let layer =
        LayerDescriptor { digest, size: LAYER.len() as u64, compression: Compression::None, diff_id: None };
    let reference = ImageReference::new("example/image", Digest::new([1; 32])).expect("a reference");
    Image { reference, layers: vec![layer] }
}

/// Counts how often it is asked, and can hand out something else.
#[derive(Default)]
struct Store {
    found: AtomicUsize,
    read: AtomicUsize,
    wrong: bool,
}

#[async_trait]
impl ImageStore for Store {
    async fn find_layers(&self, _: Owner, reference: &ImageReference) -> Result<Vec<LayerDescriptor>> {
        self.found.fetch_add(1, Ordering::Relaxed);
        assert_eq!(reference, &image().reference);
        Ok(image().layers)
    }

    async fn read_blob(&self, _: Digest) -> Result<Bytes<'static>> {
        self.read.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let bytes = if self.wrong { b"another" } else { LAYER };
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }
}

fn bench() -> Bench {
    Bench::new(InMemory(Fake::new(Arc::new(SystemClock), Pauses::default())))
}

fn controller(bench: &Bench, store: &Arc<Store>) -> Controller {
    Controller::new(bench.runtime(), Arc::clone(store) as Arc<dyn ImageStore>)
}

#[tokio::test]
async fn a_missing_image_is_brought_once_for_all_who_wait() {
    let (bench, store) = (bench(), Arc::new(Store::default()));
    let controller = controller(&bench, &store);
    let (one, two) = (bench.once(&[Exit(0)]), bench.once(&[Exit(0)]));
    let (first, second) = tokio::join!(controller.apply_workload(&one), controller.apply_workload(&two));
    first.and(second).expect("apply");
    assert_eq!((store.found.load(Ordering::Relaxed), store.read.load(Ordering::Relaxed)), (1, 1));
    for workload in [&one, &two] {
        bench.ended(workload.id()).await;
    }
}

#[tokio::test]
async fn an_image_that_was_removed_is_brought_again() {
    let (bench, store) = (bench(), Arc::new(Store::default()));
    let controller = controller(&bench, &store);
    let runtime = bench.runtime();
    for deliveries in 1..=2 {
        let workload = bench.once(&[Exit(0)]);
        controller.apply_workload(&workload).await.expect("apply");
        assert_eq!(store.read.load(Ordering::Relaxed), deliveries);
        bench.ended(workload.id()).await;
        runtime.acknowledge(workload.id()).await.expect("acknowledge");
        runtime.remove_images(&BTreeSet::new(), Duration::ZERO).await.expect("remove");
    }
}

#[tokio::test]
async fn the_store_is_not_asked_for_an_image_that_is_there() {
    let (bench, store) = (bench(), Arc::new(Store::default()));
    let controller = controller(&bench, &store);
    for _ in 0..3 {
        let workload = bench.once(&[Exit(0)]);
        controller.apply_workload(&workload).await.expect("apply");
        bench.ended(workload.id()).await;
    }
    assert_eq!((store.found.load(Ordering::Relaxed), store.read.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn wrong_bytes_of_a_layer_end_an_apply() {
    let (bench, store) = (bench(), Arc::new(Store { wrong: true, ..Store::default() }));
    let refused = controller(&bench, &store).apply_workload(&bench.once(&[Exit(0)])).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("layer-digest"));
    assert_eq!(store.read.load(Ordering::Relaxed), 1);
}

/// Keeps lines, but for the pages that it is told to refuse.
#[derive(Default)]
struct Sink {
    lines: Vec<String>,
    refused: usize,
    complete: bool,
}

#[async_trait]
impl LogSink for Sink {
    async fn store_page(&mut self, page: LogPage) -> Result<()> {
        if self.refused > 0 {
            self.refused -= 1;
            return Err(Error::unavailable("away", "the store is away"));
        }
        self.lines.extend(page.lines.into_iter().map(|line| line.text));
        self.complete = page.complete;
        Ok(())
    }
}

#[tokio::test]
async fn a_log_goes_on_behind_what_was_stored() {
    let (bench, store) = (bench(), Arc::new(Store::default()));
    let workload = bench.keep(1, &[Out("one".into()), Await("go".into()), Out("two".into()), Forever]);
    controller(&bench, &store).apply_workload(&workload).await.expect("apply");
    let state = bench.until(workload.id(), |state| state.running().count() == 1).await;
    let instance = state.running().next().expect("one runs").id;
    let runtime = bench.runtime();
    let (mut pump, mut sink) = (LogPump::new(&*runtime, instance, 1), Sink { refused: 1, ..Sink::default() });
    assert!(pump.run(&mut sink).await.is_err());
    assert_eq!((pump.next(), sink.lines.len()), (1, 0));
    let go_on = async {
        bench.run_in(instance, &[Open("go".into())]).await;
        bench
            .eventually("the line is there", || async { bench.log(instance, 2).await.lines.len() == 1 })
            .await;
        runtime.stop(workload.id(), workload.version, Duration::from_secs(20)).await
    };
    let (pumped, stopped) = tokio::join!(pump.run(&mut sink), go_on);
    pumped.and(stopped).expect("the log to its end");
    assert_eq!((sink.lines, sink.complete), (vec!["one".to_owned(), "two".to_owned()], true));
}

#[tokio::test]
async fn the_log_of_a_container_that_is_forgotten_is_complete() {
    let bench = bench();
    let instance =
        hearth_runtime_api::InstanceId { workload: bench.once(&[Exit(0)]).id(), replica: 0, start: 1 };
    let runtime = bench.runtime();
    let mut sink = Sink::default();
    LogPump::new(&*runtime, instance, 8).run(&mut sink).await.expect("the end");
    assert!(sink.complete && sink.lines.is_empty());
}
