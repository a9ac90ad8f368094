//! Workers of a task.

use std::{sync::Arc, time::Duration};

use hearth_base::{Clock, Result};
use hearth_kit::{
    db::{Db, Tx},
    queue::{NextTurn, Performed, QueueItem, RetryPolicy, Task, TaskName, TaskSettings, run_worker},
    tasks::Tasks,
};
use jiff::SignedDuration;
use tokio::sync::{Mutex, mpsc};

use super::{DIG, RETRY_POLICY, await_soon, dead_letters, open_stage, stone};

/// A task whose items do what their payloads say.
struct Digging {
    began: mpsc::UnboundedSender<String>,
    /// How many items each transaction recorded.
    recorded: Arc<Mutex<Vec<usize>>>,
}

const DIGGING_SETTINGS: TaskSettings = TaskSettings {
    concurrency: 8,
    record_batch: 4,
    retry: RetryPolicy { max_attempts: Some(2), ..RETRY_POLICY },
    stop_grace: Duration::from_millis(200),
    ..TaskSettings::DEFAULT
};

impl Task for Digging {
    type Payload = String;
    type Loaded = usize;
    type Output = String;

    fn name(&self) -> TaskName<String> {
        DIG
    }

    fn settings(&self) -> TaskSettings {
        DIGGING_SETTINGS
    }

    async fn load(&self, items: &[QueueItem<String>]) -> Result<Vec<usize>> {
        Ok(items.iter().map(|item| item.key.len()).collect())
    }

    async fn perform(&self, item: &QueueItem<String>, loaded: &usize) -> Result<String> {
        assert_eq!(*loaded, item.key.len());
        let _nobody_listens = self.began.send(item.key.clone());
        match &*item.payload {
            "stone" => Err(stone()),
            "endless" => std::future::pending().await,
            _ => Ok(item.payload.clone()),
        }
    }

    async fn record(&self, _: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        if performed.iter().any(|one| one.output == "unwritable") {
            return Err(stone());
        }
        self.recorded.lock().await.push(performed.len());
        Ok(performed.iter().map(|_| NextTurn::Finished).collect())
    }
}

async fn worker_performs_items_retries_failures_and_hands_back_the_rest(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (tasks, recorded) = (Tasks::new(), Arc::<Mutex<Vec<usize>>>::default());
    let (began, mut begun) = mpsc::unbounded_channel();
    let now = stage.clock.now();
    let tx = db.begin().await?;
    for (key, payload) in
        [("a", "well"), ("b", "stone"), ("c", "endless"), ("d", "unwritable"), ("e", "well")]
    {
        stage.queue.enqueue(&tx, DIG, key, &payload.to_owned(), now).await?;
    }
    tx.commit().await?;
    let digging = Digging { began, recorded: recorded.clone() };
    let worker = run_worker(stage.queue.clone(), digging, tasks.stop_sign());
    let observed = async {
        hearth_testkit::until("two items are finished, two failed", async || {
            let entries = stage.queue.list(None, None, hearth_base::Limit::default(), None).await?.items;
            let failed = entries.iter().filter(|entry| entry.failures == 1).count();
            Ok((entries.len() == 3 && failed == 2).then_some(()))
        })
        .await?;
        // What fails again is a dead letter; what was recorded beside an item that is refused is not lost.
        stage.clock.advance(SignedDuration::from_secs(2));
        db.wake_everybody();
        hearth_testkit::until("both are dead letters", async || {
            let dead = dead_letters(&stage.queue).await?;
            Ok((dead.iter().map(|dead| dead.key.as_str()).collect::<Vec<_>>() == ["b", "d"]).then_some(()))
        })
        .await?;
        // An operator mends one of them, and retries it.
        let tx = db.begin().await?;
        stage.queue.enqueue(&tx, DIG, "b", &"well".to_owned(), stage.clock.now()).await?;
        tx.commit().await?;
        hearth_testkit::until("it is finished", async || {
            Ok(stage.queue.show("dig", "b").await.is_err().then_some(()))
        })
        .await?;
        tasks.finish(Duration::ZERO).await;
        Result::Ok(())
    };
    let ((), observed) = await_soon(async { Ok(tokio::join!(worker, observed)) }).await?;
    observed?;
    assert_eq!(recorded.lock().await.iter().sum::<usize>(), 3);
    // The endless one was handed back: another worker may claim it at once.
    assert_eq!(stage.claim(10).await?.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["c"]);
    begun.close();
    Ok(())
}

hearth_testkit::on_every_database!(worker_performs_items_retries_failures_and_hands_back_the_rest,);
