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
    queue::{TaskName, create_periodic_worker},
    tasks::BackgroundTasks,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::{await_soon, build_error, list_dead_letters, open_stage};

/// Runs a worker until it stops by itself.
async fn run_to_end(worker: Worker, tasks: &BackgroundTasks) -> Result<()> {
    (worker.run)(tasks.shutdown_signal()).await;
    Ok(())
}

async fn periodic_task_is_repeated_and_a_restart_keeps_its_schedule(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (tasks, hour) = (BackgroundTasks::new(), SignedDuration::from_hours(1));
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
                    clock.advance_by(SignedDuration::from_mins(1));
                    return Err(build_error());
                }
                4 => drop(tasks.shutdown(Duration::ZERO).await),
                _ => clock.advance_by(hour),
            }
            Ok(())
        }
    };
    await_soon(run_to_end(create_periodic_worker(&stage.queue, "sweep", hour, perform), &tasks)).await?;
    let mut minutes = Vec::new();
    while let Ok(turn) = turned.try_recv() {
        minutes.push(turn);
    }
    // A failed turn is retried soon.
    assert_eq!(minutes, [0, 60, 61, 121]);
    // A restart does not shift the schedule; of two processes one executes the turn.
    let sweep = TaskName::<serde_json::Value>::new("sweep");
    assert!(stage.queue.claim_items(sweep, 1).await?.is_empty());
    let (tasks, turns) = (BackgroundTasks::new(), Arc::new(AtomicU32::new(0)));
    stage.clock.advance_by(hour);
    let worker = || {
        let (tasks, turns) = (tasks.clone(), turns.clone());
        create_periodic_worker(&stage.queue, "sweep", hour, move |_| {
            let (tasks, turns) = (tasks.clone(), turns.clone());
            async move {
                turns.fetch_add(1, Ordering::SeqCst);
                tasks.shutdown(Duration::ZERO).await;
                Ok(())
            }
        })
    };
    let (first, second) = (worker(), worker());
    await_soon(async { tokio::try_join!(run_to_end(first, &tasks), run_to_end(second, &tasks)) }).await?;
    assert_eq!(turns.load(Ordering::SeqCst), 1);
    Ok(())
}

async fn periodic_task_that_became_a_dead_letter_is_rescheduled_by_the_next_process(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (tasks, hour) = (BackgroundTasks::new(), SignedDuration::from_hours(1));
    // Another release left an item whose payload this one cannot parse.
    let (of_others, now) = (TaskName::<String>::new("sweep"), stage.clock.now());
    let tx = db.begin().await?;
    stage.queue.enqueue(&tx, of_others, "turn", &"of another release".to_owned(), now).await?;
    tx.commit().await?;
    assert!(stage.queue.claim_items(TaskName::<u32>::new("sweep"), 1).await?.is_empty());
    assert_eq!(list_dead_letters(&stage.queue).await?.len(), 1);
    let stopping = tasks.clone();
    let perform = move |_| {
        let tasks = stopping.clone();
        async move {
            tasks.shutdown(Duration::ZERO).await;
            Ok(())
        }
    };
    await_soon(run_to_end(create_periodic_worker(&stage.queue, "sweep", hour, perform), &tasks)).await?;
    assert!(list_dead_letters(&stage.queue).await?.is_empty());
    Ok(())
}

hearth_testkit::on_every_database!(
    periodic_task_is_repeated_and_a_restart_keeps_its_schedule,
    periodic_task_that_became_a_dead_letter_is_rescheduled_by_the_next_process,
);
