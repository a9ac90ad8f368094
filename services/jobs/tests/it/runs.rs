//! Runs: outcomes, retries, pauses and stops, also across restarts of the service and the runtime.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::{Runtime as _, Termination, Workload, WorkloadKind};
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{JobCreate, ReplicasPut, RunEnd, RunQuery, RunState, StatusShort, WaitSeconds};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::harness::{JobsHarness, build_continuous_job, build_one_off_job, is_run, job_name};

async fn run_ends_with_its_exit_status_and_its_log_is_stored(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    harness.runtime.fake.write_line(instance, "hello")?;
    harness.runtime.fake.end_instance(instance, Termination::Exited { code: 3 })?;
    let failed = harness.wait_for_job("a", |job| job.status_long.contains("Its last output: hello")).await?;
    assert_eq!(failed.status.short, StatusShort::Failed);
    let [run] = &harness.list_runs("a").await?[..] else { panic!("one run") };
    assert_eq!((run.state, run.end, run.exit_code), (RunState::Ended, Some(RunEnd::Exited), Some(3)));
    assert_eq!((run.cause.as_str(), run.attempt, run.peak_memory), ("create", 1, 1 << 20));
    assert_eq!(run.last_lines, ["hello"]);
    harness.wait_until_idle().await?;
    let received = harness.fakes.lock();
    let texts: Vec<_> =
        received.lines.iter().flat_map(|batch| &batch.lines).map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["hello"]);
    assert!(received.lines.iter().any(|batch| batch.complete && batch.source.run == run.id));
    Ok(())
}

async fn workload_is_not_acknowledged_before_its_log_is_stored(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.fakes.lock().logs_unavailable = true;
    harness.create(&build_one_off_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    harness.runtime.fake.write_line(instance, "hello")?;
    harness.runtime.fake.end_instance(instance, Termination::Exited { code: 0 })?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    assert_eq!(harness.list_workloads().await.len(), 1);
    harness.fakes.lock().logs_unavailable = false;
    harness.wait_until_idle().await?;
    assert!(harness.fakes.lock().lines.iter().any(|batch| batch.lines.len() == 1));
    Ok(())
}

async fn failed_run_is_retried_up_to_its_limit(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { retry: Some(2), ..build_one_off_job("a") }).await?;
    let first = harness.end_one_container(None, 1).await?;
    let second = harness.end_one_container(Some(first), 1).await?;
    harness.end_one_container(Some(second), 1).await?;
    harness.wait_for_status("a", StatusShort::Failed).await?;
    let runs = harness.list_runs("a").await?;
    assert_eq!(runs.iter().map(|run| run.attempt).max(), Some(3), "{runs:#?}");
    harness.wait_until_idle().await
}

async fn stopped_run_is_not_retried(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { retry: Some(2), ..build_one_off_job("a") }).await?;
    harness.wait_for_one_running(None).await?;
    let run = &harness.list_runs("a").await?[0];
    harness.maintainer.jobs().stop_run(&harness.tool, &job_name("a"), &run.id).await?;
    harness.wait_until_idle().await?;
    let [run] = &harness.list_runs("a").await?[..] else { panic!("one run") };
    assert_eq!(run.end, Some(RunEnd::Stopped));
    Ok(())
}

async fn continuous_job_is_restarted_after_each_end(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("a")).await?;
    let first = harness.end_one_container(None, 1).await?;
    let second = harness.wait_for_one_running(Some(first)).await?;
    assert_eq!((second.workload, second.start), (first.workload, 2));
    harness.wait_for_status("a", StatusShort::Running).await?;
    harness.maintainer.jobs().restart(&harness.tool, &job_name("a")).await?;
    let third = harness.wait_for_one_running(Some(second)).await?;
    assert_eq!(third.start, 3);
    wait_until("the runs are recorded", async || {
        let runs = harness.list_runs("a").await?;
        let ends: Vec<_> = runs.iter().map(|run| run.end).collect();
        Ok((ends.len() == 3 && ends.contains(&Some(RunEnd::Stopped))).then_some(()))
    })
    .await
}

async fn run_can_be_waited_for_and_started_again(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let (jobs, name) = (harness.viewer.jobs(), job_name("a"));
    let first = harness.show_job("a").await?.status.run.unwrap();
    let instance = harness.wait_for_one_running(None).await?;
    let wait = RunQuery { wait: Some(WaitSeconds::MAX_WAIT) };
    // The request waits while the run is active.
    let (over, ended) = tokio::join!(jobs.show_run(&harness.tool, &name, &first, &wait), async {
        harness.wait_for_status("a", StatusShort::Running).await?;
        harness.runtime.fake.end_instance(instance, Termination::Exited { code: 3 })
    });
    ended?;
    assert_eq!(over?.exit_code, Some(3));
    let again = harness.maintainer.jobs().start_run(&harness.tool, &name).await?;
    assert_eq!((again.cause.as_str(), again.id == first), ("restart", false));
    let refused = harness.maintainer.jobs().start_run(&harness.tool, &name).await.unwrap_err();
    assert_eq!(refused.code(), "job-runs");
    harness.end_one_container(Some(instance), 0).await?;
    let over = jobs.show_run(&harness.tool, &name, &again.id, &wait).await?;
    assert_eq!((over.exit_code, harness.list_runs("a").await?.len()), (Some(0), 2));
    let path = format!("/jobs/a/runs/{first}?wait=26");
    let (status, refused) = harness.send(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["error"][0].as_str().unwrap().contains("0 to 25"), "{refused}");
    harness.create(&build_continuous_job("b")).await?;
    let refused = harness.maintainer.jobs().start_run(&harness.tool, &job_name("b")).await.unwrap_err();
    assert_eq!(refused.code(), "job-continuous");
    Ok(())
}

async fn continuous_job_is_paused_and_resumed(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let (jobs, name) = (harness.maintainer.jobs(), job_name("a"));
    harness.create(&build_continuous_job("a")).await?;
    harness.wait_for_one_running(None).await?;
    jobs.stop(&harness.tool, &name).await?;
    harness.wait_until("no container runs", async || Ok(harness.list_running().await.is_empty())).await?;
    let paused = harness.wait_for_job("a", |job| job.status_long.ends_with("it is paused")).await?;
    assert!(paused.status.paused.is_some());
    let used = jobs.show_quota(&harness.tool).await?;
    let running = used.categories.iter().flat_map(|category| &category.items);
    let running = running.into_iter().find(|item| item.name.contains("unning")).unwrap();
    assert_eq!(running.used.as_deref(), Some("0"), "{running:?}");
    let refused = jobs.restart(&harness.tool, &name).await.unwrap_err();
    assert_eq!(refused.code(), "job-paused");
    // A change does not start a paused job.
    let scaled = jobs.scale_job(&harness.tool, &name, ReplicasPut { replicas: 2 }).await?;
    assert_eq!((scaled.replicas, scaled.status.paused), (Some(2), paused.status.paused));
    assert!(harness.list_running().await.is_empty());
    jobs.resume(&harness.tool, &name).await?;
    harness.wait_until("both run", async || Ok(harness.list_running().await.len() == 2)).await?;
    harness
        .wait_for_job("a", |job| job.status.short == StatusShort::Running && job.status.paused.is_none())
        .await?;
    Ok(())
}

async fn scaling_does_not_restart_remaining_containers(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let (jobs, name) = (harness.maintainer.jobs(), job_name("a"));
    harness.create(&build_continuous_job("a")).await?;
    let first = harness.wait_for_one_running(None).await?;
    jobs.scale_job(&harness.tool, &name, ReplicasPut { replicas: 3 }).await?;
    harness.wait_until("three run", async || Ok(harness.list_running().await.len() == 3)).await?;
    assert!(harness.list_running().await.contains(&first));
    jobs.scale_job(&harness.tool, &name, ReplicasPut { replicas: 1 }).await?;
    harness.wait_for_one_running(None).await?;
    for (name, replicas, code) in [("a", 0, "replicas"), ("a", 99, "quota"), ("b", 2, "no-such-job")] {
        let refused =
            jobs.scale_job(&harness.tool, &job_name(name), ReplicasPut { replicas }).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    harness.create(&build_one_off_job("c")).await?;
    let refused =
        jobs.scale_job(&harness.tool, &job_name("c"), ReplicasPut { replicas: 2 }).await.unwrap_err();
    assert_eq!(refused.code(), "job-type");
    Ok(())
}

async fn stop_ends_present_runs_only(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let (jobs, name) = (harness.maintainer.jobs(), job_name("a"));
    harness.create(&JobCreate { retry: Some(2), ..build_one_off_job("a") }).await?;
    harness.wait_for_one_running(None).await?;
    jobs.stop(&harness.tool, &name).await?;
    harness.wait_until_idle().await?;
    let [run] = &harness.list_runs("a").await?[..] else { panic!("expected no retry") };
    assert_eq!(run.end, Some(RunEnd::Stopped));
    // A second stop has nothing to stop.
    jobs.stop(&harness.tool, &name).await?;
    assert_eq!(harness.show_job("a").await?.status.paused, None);
    Ok(())
}

async fn run_that_ended_before_its_stop_keeps_its_outcome(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("like")).await?;
    let template = harness.runtime.fake.find_workload(harness.end_one_container(None, 0).await?)?;
    harness.wait_for_status("like", StatusShort::Succeeded).await?;
    harness.runtime.stop().await;
    let names: Vec<String> = (0..8).map(|number| format!("job-{number}")).collect();
    for name in &names {
        harness.create(&build_one_off_job(name)).await?;
    }
    harness.stop().await;
    // A process applies the runs and dies before it records that.
    for name in &names {
        let run = harness.list_runs(name).await?[0].id.parse().unwrap();
        let kind = WorkloadKind::Once { run, time_limit: None };
        harness.runtime.fake.apply(Workload { kind, ..template.clone() }).await?;
    }
    harness.wait_until("all run", async || Ok(harness.list_running().await.len() == names.len())).await?;
    for instance in harness.list_running().await {
        harness.runtime.fake.end_instance(instance, Termination::Exited { code: 3 })?;
    }
    harness.wait_until("all have ended", async || Ok(harness.list_running().await.is_empty())).await?;
    for name in &names {
        harness.maintainer.jobs().stop(&harness.tool, &job_name(name)).await?;
    }
    harness.runtime.restart();
    // The second process gets the items of the first one when their leases have expired.
    harness.stand.advance_clock(SignedDuration::from_mins(1));
    harness.start().await?;
    harness.wait_until_idle().await?;
    for name in &names {
        let run = harness.list_runs(name).await?.remove(0);
        assert_eq!((run.end, run.exit_code), (Some(RunEnd::Exited), Some(3)), "{run:?}");
    }
    Ok(())
}

async fn restart_of_a_one_off_job_is_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let refused = harness.maintainer.jobs().restart(&harness.tool, &job_name("a")).await.unwrap_err();
    assert_eq!(refused.code(), "job-not-restartable");
    Ok(())
}

async fn jobs_created_while_the_runtime_is_down_start_when_it_is_back(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.runtime.stop().await;
    harness.create(&build_one_off_job("a")).await?;
    harness
        .wait_for_job("a", |job| {
            job.status_long.contains("does not respond") || job.status_long.contains("broke")
        })
        .await?;
    harness.runtime.restart();
    harness.end_one_container(None, 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    Ok(())
}

async fn run_continues_while_the_service_is_down(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    harness.create(&build_continuous_job("b")).await?;
    harness.wait_until("both run", async || Ok(harness.list_running().await.len() == 2)).await?;
    harness.stop().await;
    let run = harness.list_running().await.into_iter().find(|instance| is_run(&instance.workload)).unwrap();
    harness.runtime.fake.end_instance(run, Termination::Exited { code: 0 })?;
    harness.start().await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    harness.wait_for_status("b", StatusShort::Running).await?;
    let starts: Vec<_> = harness.list_running().await.iter().map(|instance| instance.start).collect();
    assert_eq!(starts, [1], "the continuous job was not restarted");
    Ok(())
}

async fn replaced_runtime_loses_runs_and_gets_sets_again(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    harness.create(&build_continuous_job("b")).await?;
    harness.wait_for_status("a", StatusShort::Running).await?;
    harness.wait_for_status("b", StatusShort::Running).await?;
    harness.runtime.stop().await;
    harness.runtime.replace_service();
    harness.wait_for_status("a", StatusShort::Failed).await?;
    let [run] = &harness.list_runs("a").await?[..] else { panic!("expected no second start") };
    assert_eq!(run.end, Some(RunEnd::Lost));
    let again = harness.wait_for_one_container(None).await?;
    assert!(!is_run(&again.workload));
    let [now, before] = &wait_until("b is running again", async || {
        let runs = harness.list_runs("b").await?;
        Ok((runs.len() == 2 && runs[0].state == RunState::Running).then_some(runs))
    })
    .await?[..] else {
        panic!("expected one run per machine")
    };
    assert_eq!(before.end, Some(RunEnd::Lost));
    assert_eq!((again.start, now.id.as_str()), (2, &*again.to_string()));
    harness.wait_for_status("b", StatusShort::Running).await?;
    Ok(())
}

async fn two_processes_start_no_run_twice(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db.clone()).await?;
    let kit = harness.stand.kit.clone();
    let second = hearth_jobs::mount_on(&kit, harness.runtime.fake.clone())?;
    for worker in second.workers {
        kit.tasks.spawn(worker.name, (worker.run)(kit.tasks.shutdown_signal()));
    }
    for number in 0..5 {
        harness.create(&build_one_off_job(&format!("job-{number}"))).await?;
    }
    harness.wait_until("all run", async || Ok(harness.list_running().await.len() == 5)).await?;
    for instance in harness.list_running().await {
        assert_eq!(instance.start, 1);
        harness.runtime.fake.end_instance(instance, Termination::Exited { code: 0 })?;
    }
    harness.wait_until_idle().await?;
    for number in 0..5 {
        assert_eq!(harness.list_runs(&format!("job-{number}")).await?.len(), 1);
    }
    Ok(())
}

on_every_store!(
    run_ends_with_its_exit_status_and_its_log_is_stored,
    workload_is_not_acknowledged_before_its_log_is_stored,
    failed_run_is_retried_up_to_its_limit,
    stopped_run_is_not_retried,
    continuous_job_is_restarted_after_each_end,
    run_can_be_waited_for_and_started_again,
    continuous_job_is_paused_and_resumed,
    scaling_does_not_restart_remaining_containers,
    stop_ends_present_runs_only,
    run_that_ended_before_its_stop_keeps_its_outcome,
    restart_of_a_one_off_job_is_refused,
    jobs_created_while_the_runtime_is_down_start_when_it_is_back,
    run_continues_while_the_service_is_down,
    replaced_runtime_loses_runs_and_gets_sets_again,
    two_processes_start_no_run_twice,
);
