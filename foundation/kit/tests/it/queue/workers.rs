//! Workers of a task.

use std::{sync::Arc, time::Duration};

use hearth_base::{Clock, Result};
use hearth_kit::{
    db::{Db, Tx},
    queue::{
        ItemOutcome, PerformedItem, QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings, run_worker,
    },
    tasks::BackgroundTasks,
};
use jiff::SignedDuration;
use tokio::sync::{Mutex, mpsc};

use super::{DIG_TASK, RETRY_POLICY, await_soon, build_error, list_dead_letters, open_stage};

/// A task whose behavior is chosen by the payload.
struct DigTask {
    began: mpsc::UnboundedSender<String>,
    /// Number of items that each transaction recorded.
    recorded: Arc<Mutex<Vec<usize>>>,
}

const DIGGING_SETTINGS: TaskSettings = TaskSettings {
    concurrency: 8,
    max_record_batch: 4,
    retry: RetryPolicy { max_attempts: Some(2), ..RETRY_POLICY },
    stop_grace: Duration::from_millis(200),
    ..TaskSettings::DEFAULT
};

impl QueueTask for DigTask {
    type Payload = String;
    type Loaded = usize;
    type Output = String;

    fn name(&self) -> TaskName<String> {
        DIG_TASK
    }

    fn settings(&self) -> TaskSettings {
        DIGGING_SETTINGS
    }

    async fn load_items(&self, items: &[QueueItem<String>]) -> Result<Vec<usize>> {
        Ok(items.iter().map(|item| item.key.len()).collect())
    }

    async fn perform_item(&self, item: &QueueItem<String>, loaded: &usize) -> Result<String> {
        assert_eq!(*loaded, item.key.len());
        let _nobody_listens = self.began.send(item.key.clone());
        match &*item.payload {
            "stone" => Err(build_error()),
            "endless" => std::future::pending().await,
            _ => Ok(item.payload.clone()),
        }
    }

    async fn record_items(&self, _: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        if performed.iter().any(|one| one.output == "unwritable") {
            return Err(build_error());
        }
        self.recorded.lock().await.push(performed.len());
        Ok(performed.iter().map(|_| ItemOutcome::Finished).collect())
    }
}

async fn worker_processes_items_retries_failures_and_releases_the_rest(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (tasks, recorded) = (BackgroundTasks::new(), Arc::<Mutex<Vec<usize>>>::default());
    let (began, mut begun) = mpsc::unbounded_channel();
    let now = stage.clock.now();
    let tx = db.begin().await?;
    for (key, payload) in
        [("a", "well"), ("b", "stone"), ("c", "endless"), ("d", "unwritable"), ("e", "well")]
    {
        stage.queue.enqueue(&tx, DIG_TASK, key, &payload.to_owned(), now).await?;
    }
    tx.commit().await?;
    let digging = DigTask { began, recorded: recorded.clone() };
    let worker = run_worker(stage.queue.clone(), digging, tasks.shutdown_signal());
    let observed = async {
        hearth_testkit::wait_until("two items are finished, two failed", async || {
            let entries = stage.queue.list(None, None, hearth_base::PageLimit::default(), None).await?.items;
            let failed = entries.iter().filter(|entry| entry.failures == 1).count();
            Ok((entries.len() == 3 && failed == 2).then_some(()))
        })
        .await?;
        // An item that fails again becomes a dead letter; items recorded in the same batch are not lost.
        stage.clock.advance_by(SignedDuration::from_secs(2));
        db.wake_all();
        hearth_testkit::wait_until("both are dead letters", async || {
            let dead = list_dead_letters(&stage.queue).await?;
            Ok((dead.iter().map(|dead| dead.key.as_str()).collect::<Vec<_>>() == ["b", "d"]).then_some(()))
        })
        .await?;
        // One of the dead letters is enqueued again with a valid payload.
        let tx = db.begin().await?;
        stage.queue.enqueue(&tx, DIG_TASK, "b", &"well".to_owned(), stage.clock.now()).await?;
        tx.commit().await?;
        hearth_testkit::wait_until("it is finished", async || {
            Ok(stage.queue.show("dig", "b").await.is_err().then_some(()))
        })
        .await?;
        tasks.shutdown(Duration::ZERO).await;
        Result::Ok(())
    };
    let ((), observed) = await_soon(async { Ok(tokio::join!(worker, observed)) }).await?;
    observed?;
    assert_eq!(recorded.lock().await.iter().sum::<usize>(), 3);
    // The endless item was released: another worker can claim it at once.
    assert_eq!(stage.claim_items(10).await?.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["c"]);
    begun.close();
    Ok(())
}

hearth_testkit::on_every_database!(worker_processes_items_retries_failures_and_releases_the_rest,);
