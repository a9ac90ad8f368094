//! Periodic tasks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hearth_base::{Clock, Result};
use hearth_kit::{
    Worker,
    db::Db,
    queue::{TaskName, periodic_worker},
    tasks::Tasks,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::{await_soon, dead_letters, open_stage, stone};

/// Runs a worker until it stops by itself.
async fn run_to_end(worker: Worker, tasks: &Tasks) -> Result<()> {
    (worker.run)(tasks.stop_sign()).await;
    Ok(())
}

async fn periodic_task_comes_again_and_is_not_begun_anew(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (tasks, hour) = (Tasks::new(), SignedDuration::from_hours(1));
    let (turns, mut turned) = mpsc::unbounded_channel();
    let (clock, count, stopping) = (stage.clock.clone(), Arc::new(AtomicU32::new(0)), tasks.clone());
    let begun = clock.now();
    let perform = move |now: Timestamp| {
        let turn = count.fetch_add(1, Ordering::SeqCst) + 1;
        let _received = turns.send(now.duration_since(begun).as_mins());
        let (clock, tasks) = (clock.clone(), stopping.clone());
        async move {
            match turn {
                2 => {
                    clock.advance(SignedDuration::from_mins(1));
                    return Err(stone());
                }
                4 => drop(tasks.finish(Duration::ZERO).await),
                _ => clock.advance(hour),
            }
            Ok(())
        }
    };
    await_soon(run_to_end(periodic_worker(&stage.queue, "sweep", hour, perform), &tasks)).await?;
    let mut minutes = Vec::new();
    while let Ok(turn) = turned.try_recv() {
        minutes.push(turn);
    }
    // A turn that failed is tried again soon.
    assert_eq!(minutes, [0, 60, 61, 121]);
    // A process that starts anew does not begin anew; of two processes one takes the turn.
    let sweep = TaskName::<serde_json::Value>::new("sweep");
    assert!(stage.queue.claim(sweep, 1).await?.is_empty());
    let (tasks, turns) = (Tasks::new(), Arc::new(AtomicU32::new(0)));
    stage.clock.advance(hour);
    let worker = || {
        let (tasks, turns) = (tasks.clone(), turns.clone());
        periodic_worker(&stage.queue, "sweep", hour, move |_| {
            let (tasks, turns) = (tasks.clone(), turns.clone());
            async move {
                turns.fetch_add(1, Ordering::SeqCst);
                tasks.finish(Duration::ZERO).await;
                Ok(())
            }
        })
    };
    let (first, second) = (worker(), worker());
    await_soon(async { tokio::try_join!(run_to_end(first, &tasks), run_to_end(second, &tasks)) }).await?;
    assert_eq!(turns.load(Ordering::SeqCst), 1);
    Ok(())
}

async fn periodic_task_that_became_a_dead_letter_comes_again_with_the_next_process(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (tasks, hour) = (Tasks::new(), SignedDuration::from_hours(1));
    // Another release left a turn that this one cannot read.
    let (of_others, now) = (TaskName::<String>::new("sweep"), stage.clock.now());
    let tx = db.begin().await?;
    stage.queue.enqueue(&tx, of_others, "turn", &"of another release".to_owned(), now).await?;
    tx.commit().await?;
    assert!(stage.queue.claim(TaskName::<u32>::new("sweep"), 1).await?.is_empty());
    assert_eq!(dead_letters(&stage.queue).await?.len(), 1);
    let stopping = tasks.clone();
    let perform = move |_| {
        let tasks = stopping.clone();
        async move {
            tasks.finish(Duration::ZERO).await;
            Ok(())
        }
    };
    await_soon(run_to_end(periodic_worker(&stage.queue, "sweep", hour, perform), &tasks)).await?;
    assert!(dead_letters(&stage.queue).await?.is_empty());
    Ok(())
}

hearth_testkit::on_every_database!(
    periodic_task_comes_again_and_is_not_begun_anew,
    periodic_task_that_became_a_dead_letter_comes_again_with_the_next_process,
);
