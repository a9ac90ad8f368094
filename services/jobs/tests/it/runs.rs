//! What becomes of jobs: runs, tries, outcomes, schedules, and what happens when a process dies in between.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::End;
use hearth_testkit::{on_every_store, until};
use hearth_wire::jobs::{JobCreate, RunEnd, RunState, StatusShort};
use jiff::SignedDuration;

use crate::stage::{Stage, is_run, job_name, kept, once};

async fn a_run_ends_with_its_status_and_its_log_is_kept(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    let instance = stage.one_running(None).await?;
    stage.runtime.fake.print(instance, "hello")?;
    stage.runtime.fake.end(instance, End::Exited { code: 3 })?;
    stage.until_short("a", StatusShort::Failed).await?;
    let [run] = &stage.runs("a").await?[..] else { panic!("one run") };
    assert_eq!((run.state, run.end, run.exit_code), (RunState::Ended, Some(RunEnd::Exited), Some(3)));
    assert_eq!((run.cause.as_str(), run.attempt, run.peak_memory), ("create", 1, 1 << 20));
    stage.nothing_left().await?;
    let heard = stage.ears.lock().unwrap();
    let texts: Vec<_> =
        heard.lines.iter().flat_map(|batch| &batch.lines).map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["hello"]);
    assert!(heard.lines.iter().any(|batch| batch.complete && batch.source.run == run.id));
    Ok(())
}

async fn nothing_is_forgotten_before_its_log_is_kept(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.ears.lock().unwrap().logs_away = true;
    stage.create(&once("a")).await?;
    let instance = stage.one_running(None).await?;
    stage.runtime.fake.print(instance, "hello")?;
    stage.runtime.fake.end(instance, End::Exited { code: 0 })?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    assert_eq!(stage.workloads().await.len(), 1);
    stage.ears.lock().unwrap().logs_away = false;
    stage.nothing_left().await?;
    assert!(stage.ears.lock().unwrap().lines.iter().any(|batch| batch.lines.len() == 1));
    Ok(())
}

async fn what_failed_is_tried_again_as_often_as_it_says(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&JobCreate { retry: Some(2), ..once("a") }).await?;
    let first = stage.end_one(None, 1).await?;
    let second = stage.end_one(Some(first), 1).await?;
    stage.end_one(Some(second), 1).await?;
    stage.until_short("a", StatusShort::Failed).await?;
    let runs = stage.runs("a").await?;
    assert_eq!(runs.iter().map(|run| run.attempt).max(), Some(3), "{runs:#?}");
    stage.nothing_left().await
}

async fn a_run_that_is_stopped_is_not_tried_again(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&JobCreate { retry: Some(2), ..once("a") }).await?;
    stage.one_running(None).await?;
    let run = &stage.runs("a").await?[0];
    stage.maintainer.jobs().run_stop(&stage.tool, &job_name("a"), &run.id).await?;
    stage.nothing_left().await?;
    let [run] = &stage.runs("a").await?[..] else { panic!("one run") };
    assert_eq!(run.end, Some(RunEnd::Stopped));
    Ok(())
}

async fn what_is_kept_running_is_restarted_and_an_end_in_a_row_is_told(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&kept("a")).await?;
    let first = stage.end_one(None, 1).await?;
    let second = stage.one_running(Some(first)).await?;
    assert_eq!((second.workload, second.start), (first.workload, 2));
    stage.until_short("a", StatusShort::Running).await?;
    stage.maintainer.jobs().restart(&stage.tool, &job_name("a")).await?;
    let third = stage.one_running(Some(second)).await?;
    assert_eq!(third.start, 3);
    until("the runs are written down", async || {
        let runs = stage.runs("a").await?;
        let ends: Vec<_> = runs.iter().map(|run| run.end).collect();
        Ok((ends.len() == 3 && ends.contains(&Some(RunEnd::Stopped))).then_some(()))
    })
    .await
}

async fn a_schedule_begins_skips_and_misses(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..once("a") }).await?;
    assert!(stage.runs("a").await?.is_empty());
    let next = stage.job("a").await?.status.next_schedule.unwrap();
    assert_eq!(next.to_string(), "2026-05-04T12:10:00Z");
    let due = async |minutes, seconds| {
        stage.stand.clock.advance(SignedDuration::from_mins(minutes) + SignedDuration::from_secs(seconds));
        // Whatever is planned anew wakes the scheduler, which would wait for the real time otherwise.
        let other =
            JobCreate { schedule: Some("@yearly".to_owned()), ..once(&format!("wake-{minutes}-{seconds}")) };
        stage.create(&other).await
    };
    due(10, 5).await?;
    let first = stage.one_running(None).await?;
    due(10, 0).await?;
    stage
        .eventually("the second is skipped", async || {
            Ok(stage.runs("a").await?.iter().any(|run| run.state == RunState::Skipped))
        })
        .await?;
    stage.runtime.fake.end(first, End::Exited { code: 0 })?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    due(14, 0).await?;
    stage
        .eventually("the third is missed", async || {
            Ok(stage.runs("a").await?.iter().any(|run| run.state == RunState::Missed))
        })
        .await?;
    stage.maintainer.jobs().restart(&stage.tool, &job_name("a")).await?;
    stage.end_one(Some(first), 0).await?;
    let job = stage.job("a").await?;
    assert_eq!(job.schedule_actual.as_deref(), Some("*/10 * * * *"));
    Ok(())
}

async fn a_one_off_job_is_not_restarted(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    let refused = stage.maintainer.jobs().restart(&stage.tool, &job_name("a")).await.unwrap_err();
    assert_eq!(refused.code(), "job-not-restartable");
    Ok(())
}

async fn jobs_that_were_made_while_the_runtime_was_away_start_when_it_is_back(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.runtime.stop().await;
    stage.create(&once("a")).await?;
    stage
        .until("a", |job| job.status_long.contains("does not answer") || job.status_long.contains("broke"))
        .await?;
    stage.runtime.restart();
    stage.end_one(None, 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    Ok(())
}

async fn a_run_goes_on_while_the_service_is_away(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    stage.create(&kept("b")).await?;
    stage.eventually("both run", async || Ok(stage.running().await.len() == 2)).await?;
    stage.stop().await;
    let run = stage.running().await.into_iter().find(|instance| is_run(&instance.workload)).unwrap();
    stage.runtime.fake.end(run, End::Exited { code: 0 })?;
    stage.start().await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    stage.until_short("b", StatusShort::Running).await?;
    let starts: Vec<_> = stage.running().await.iter().map(|instance| instance.start).collect();
    assert_eq!(starts, [1], "what is kept running was not touched");
    Ok(())
}

async fn a_run_that_the_runtime_has_forgotten_is_lost_and_a_set_is_told_again(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    stage.create(&kept("b")).await?;
    stage.until_short("a", StatusShort::Running).await?;
    stage.until_short("b", StatusShort::Running).await?;
    stage.runtime.stop().await;
    stage.runtime.replace();
    stage.until_short("a", StatusShort::Failed).await?;
    let [run] = &stage.runs("a").await?[..] else { panic!("it is never begun again") };
    assert_eq!(run.end, Some(RunEnd::Lost));
    let again = stage.one_running(None).await?;
    assert!(!is_run(&again.workload));
    Ok(())
}

async fn two_processes_by_mistake_start_nothing_twice(db: Db) -> Result<()> {
    let stage = Stage::new(db.clone()).await?;
    let kit = stage.stand.kit.clone();
    let second = hearth_jobs::mount_on(&kit, stage.runtime.fake.clone())?;
    for worker in second.workers {
        kit.tasks.start(worker.name, (worker.run)(kit.tasks.stop_sign()));
    }
    for number in 0..5 {
        stage.create(&once(&format!("job-{number}"))).await?;
    }
    stage.eventually("all run", async || Ok(stage.running().await.len() == 5)).await?;
    for instance in stage.running().await {
        assert_eq!(instance.start, 1);
        stage.runtime.fake.end(instance, End::Exited { code: 0 })?;
    }
    stage.nothing_left().await?;
    for number in 0..5 {
        assert_eq!(stage.runs(&format!("job-{number}")).await?.len(), 1);
    }
    Ok(())
}

on_every_store!(
    a_run_ends_with_its_status_and_its_log_is_kept,
    nothing_is_forgotten_before_its_log_is_kept,
    what_failed_is_tried_again_as_often_as_it_says,
    a_run_that_is_stopped_is_not_tried_again,
    what_is_kept_running_is_restarted_and_an_end_in_a_row_is_told,
    a_schedule_begins_skips_and_misses,
    a_one_off_job_is_not_restarted,
    jobs_that_were_made_while_the_runtime_was_away_start_when_it_is_back,
    a_run_goes_on_while_the_service_is_away,
    a_run_that_the_runtime_has_forgotten_is_lost_and_a_set_is_told_again,
    two_processes_by_mistake_start_nothing_twice,
);
