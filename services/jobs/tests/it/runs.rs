//! What becomes of jobs: runs, tries, outcomes, schedules, and what happens when a process dies in between.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::{End, Runtime as _, Workload, WorkloadKind};
use hearth_testkit::{on_every_store, until};
use hearth_wire::jobs::{JobCreate, ReplicasPut, RunEnd, RunQuery, RunState, StatusShort, Wait};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::stage::{Stage, is_run, job_name, kept, once};

async fn a_run_ends_with_its_status_and_its_log_is_kept(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    let instance = stage.one_running(None).await?;
    stage.runtime.fake.print(instance, "hello")?;
    stage.runtime.fake.end(instance, End::Exited { code: 3 })?;
    let failed = stage.until("a", |job| job.status_long.contains("It wrote last: hello")).await?;
    assert_eq!(failed.status.short, StatusShort::Failed);
    let [run] = &stage.runs("a").await?[..] else { panic!("one run") };
    assert_eq!((run.state, run.end, run.exit_code), (RunState::Ended, Some(RunEnd::Exited), Some(3)));
    assert_eq!((run.cause.as_str(), run.attempt, run.peak_memory), ("create", 1, 1 << 20));
    assert_eq!(run.last_lines, ["hello"]);
    stage.nothing_left().await?;
    let heard = stage.ears.lock();
    let texts: Vec<_> =
        heard.lines.iter().flat_map(|batch| &batch.lines).map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["hello"]);
    assert!(heard.lines.iter().any(|batch| batch.complete && batch.source.run == run.id));
    Ok(())
}

async fn nothing_is_forgotten_before_its_log_is_kept(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.ears.lock().logs_away = true;
    stage.create(&once("a")).await?;
    let instance = stage.one_running(None).await?;
    stage.runtime.fake.print(instance, "hello")?;
    stage.runtime.fake.end(instance, End::Exited { code: 0 })?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    assert_eq!(stage.workloads().await.len(), 1);
    stage.ears.lock().logs_away = false;
    stage.nothing_left().await?;
    assert!(stage.ears.lock().lines.iter().any(|batch| batch.lines.len() == 1));
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

async fn a_run_is_waited_for_and_another_begun(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    let (jobs, name) = (stage.viewer.jobs(), job_name("a"));
    let first = stage.job("a").await?.status.run.unwrap();
    let instance = stage.one_running(None).await?;
    let wait = RunQuery { wait: Some(Wait::MOST) };
    // Asked while it runs, answered when it is over.
    let (over, ended) = tokio::join!(jobs.run(&stage.tool, &name, &first, &wait), async {
        stage.until_short("a", StatusShort::Running).await?;
        stage.runtime.fake.end(instance, End::Exited { code: 3 })
    });
    ended?;
    assert_eq!(over?.exit_code, Some(3));
    let again = stage.maintainer.jobs().run_begin(&stage.tool, &name).await?;
    assert_eq!((again.cause.as_str(), again.id == first), ("restart", false));
    let refused = stage.maintainer.jobs().run_begin(&stage.tool, &name).await.unwrap_err();
    assert_eq!(refused.code(), "job-runs");
    stage.end_one(Some(instance), 0).await?;
    let over = jobs.run(&stage.tool, &name, &again.id, &wait).await?;
    assert_eq!((over.exit_code, stage.runs("a").await?.len()), (Some(0), 2));
    let path = format!("/jobs/a/runs/{first}?wait=26");
    let (status, refused) = stage.send(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["error"][0].as_str().unwrap().contains("0 to 25 seconds"), "{refused}");
    stage.create(&kept("b")).await?;
    let refused = stage.maintainer.jobs().run_begin(&stage.tool, &job_name("b")).await.unwrap_err();
    assert_eq!(refused.code(), "run-kept");
    Ok(())
}

async fn a_continuous_job_is_paused_and_resumed(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let (jobs, name) = (stage.maintainer.jobs(), job_name("a"));
    stage.create(&kept("a")).await?;
    stage.one_running(None).await?;
    jobs.stop(&stage.tool, &name).await?;
    stage.eventually("nothing runs", async || Ok(stage.running().await.is_empty())).await?;
    let paused = stage.until("a", |job| job.status_long.ends_with("runs when it is resumed")).await?;
    assert!(paused.status.paused.is_some());
    let used = jobs.quotas(&stage.tool).await?;
    let running = used.categories.iter().flat_map(|category| &category.items);
    let running = running.into_iter().find(|item| item.name.contains("unning")).unwrap();
    assert_eq!(running.used.as_deref(), Some("0"), "{running:?}");
    let refused = jobs.restart(&stage.tool, &name).await.unwrap_err();
    assert_eq!(refused.code(), "job-paused");
    // It may be changed meanwhile, and does not run for that.
    let scaled = jobs.scale(&stage.tool, &name, ReplicasPut { replicas: 2 }).await?;
    assert_eq!((scaled.replicas, scaled.status.paused), (Some(2), paused.status.paused));
    assert!(stage.running().await.is_empty());
    jobs.resume(&stage.tool, &name).await?;
    stage.eventually("both run", async || Ok(stage.running().await.len() == 2)).await?;
    stage.until("a", |job| job.status.short == StatusShort::Running && job.status.paused.is_none()).await?;
    Ok(())
}

async fn what_stays_is_not_restarted_by_scaling(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let (jobs, name) = (stage.maintainer.jobs(), job_name("a"));
    stage.create(&kept("a")).await?;
    let first = stage.one_running(None).await?;
    jobs.scale(&stage.tool, &name, ReplicasPut { replicas: 3 }).await?;
    stage.eventually("three run", async || Ok(stage.running().await.len() == 3)).await?;
    assert!(stage.running().await.contains(&first));
    jobs.scale(&stage.tool, &name, ReplicasPut { replicas: 1 }).await?;
    stage.one_running(None).await?;
    for (name, replicas, code) in [("a", 0, "replicas"), ("a", 99, "quota"), ("b", 2, "no-such-job")] {
        let refused = jobs.scale(&stage.tool, &job_name(name), ReplicasPut { replicas }).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    stage.create(&once("c")).await?;
    let refused = jobs.scale(&stage.tool, &job_name("c"), ReplicasPut { replicas: 2 }).await.unwrap_err();
    assert_eq!(refused.code(), "job-type");
    Ok(())
}

async fn stopping_ends_what_runs_and_no_more(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let (jobs, name) = (stage.maintainer.jobs(), job_name("a"));
    stage.create(&JobCreate { retry: Some(2), ..once("a") }).await?;
    stage.one_running(None).await?;
    jobs.stop(&stage.tool, &name).await?;
    stage.nothing_left().await?;
    let [run] = &stage.runs("a").await?[..] else { panic!("it is not tried again") };
    assert_eq!(run.end, Some(RunEnd::Stopped));
    // A second time, there is nothing to stop.
    jobs.stop(&stage.tool, &name).await?;
    assert_eq!(stage.job("a").await?.status.paused, None);
    Ok(())
}

async fn what_ended_before_its_stop_arrives_is_told_as_it_ended(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&once("like")).await?;
    let like = stage.runtime.fake.workload(stage.end_one(None, 0).await?)?;
    stage.until_short("like", StatusShort::Succeeded).await?;
    stage.runtime.stop().await;
    let names: Vec<String> = (0..8).map(|number| format!("job-{number}")).collect();
    for name in &names {
        stage.create(&once(name)).await?;
    }
    stage.stop().await;
    // The runtime is told by a process that dies before it notes so.
    for name in &names {
        let run = stage.runs(name).await?[0].id.parse().unwrap();
        let kind = WorkloadKind::Once { run, time_limit: None };
        stage.runtime.fake.apply(Workload { kind, ..like.clone() }).await?;
    }
    stage.eventually("all run", async || Ok(stage.running().await.len() == names.len())).await?;
    for instance in stage.running().await {
        stage.runtime.fake.end(instance, End::Exited { code: 3 })?;
    }
    stage.eventually("all have ended", async || Ok(stage.running().await.is_empty())).await?;
    for name in &names {
        stage.maintainer.jobs().stop(&stage.tool, &job_name(name)).await?;
    }
    stage.runtime.restart();
    // What the first life had under way is the second one's when its lease has run out.
    stage.stand.passes(SignedDuration::from_mins(1));
    stage.start().await?;
    stage.nothing_left().await?;
    for name in &names {
        let run = stage.runs(name).await?.remove(0);
        assert_eq!((run.end, run.exit_code), (Some(RunEnd::Exited), Some(3)), "{run:?}");
    }
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
    let again = stage.one_begun(None).await?;
    assert!(!is_run(&again.workload));
    let [now, before] = &until("b runs again", async || {
        let runs = stage.runs("b").await?;
        Ok((runs.len() == 2 && runs[0].state == RunState::Running).then_some(runs))
    })
    .await?[..] else {
        panic!("one of each machine")
    };
    assert_eq!(before.end, Some(RunEnd::Lost));
    assert_eq!((again.start, now.id.as_str()), (2, &*again.to_string()));
    stage.until_short("b", StatusShort::Running).await?;
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
    a_run_is_waited_for_and_another_begun,
    a_continuous_job_is_paused_and_resumed,
    what_stays_is_not_restarted_by_scaling,
    stopping_ends_what_runs_and_no_more,
    what_ended_before_its_stop_arrives_is_told_as_it_ended,
    a_one_off_job_is_not_restarted,
    jobs_that_were_made_while_the_runtime_was_away_start_when_it_is_back,
    a_run_goes_on_while_the_service_is_away,
    a_run_that_the_runtime_has_forgotten_is_lost_and_a_set_is_told_again,
    two_processes_by_mistake_start_nothing_twice,
);
