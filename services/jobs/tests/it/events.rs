//! Events about runs and due times for `notify`: each once and complete.

use std::collections::BTreeSet;

use hearth_base::{ErrorKind, Result, Role};
use hearth_jobs::JobsSettings;
use hearth_kit::db::Db;
use hearth_runtime_api::Termination as RuntimeEnd;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    events::{Event, EventsQuery, Topic},
    jobs::{
        Emails, JobCreate, JobType, RunEnd, StatusShort,
        events::{DueMissedData, RunEvent, RunEventData},
    },
};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    harness::{JobsHarness, build_continuous_job, build_one_off_job},
    schedules::{advance_clock, start_ten_minute_job},
};

/// Reads all events about runs.
async fn read_raw_events(harness: &JobsHarness) -> Result<Vec<Event>> {
    let notify = harness.stand.service_client(Role::Notify)?;
    Ok(notify.read_events(RunEvent::TOPIC_INFO, &EventsQuery::default()).await?.events)
}

/// Reads and decodes all events about runs.
async fn read_run_events(harness: &JobsHarness) -> Result<Vec<RunEvent>> {
    let events = read_raw_events(harness).await?.into_iter();
    events.map(|event| event.decode().map(Option::unwrap)).collect()
}

/// The event of a run's end, and whether it has a mail.
struct EndEvent {
    data: RunEventData,
    has_notice: bool,
}

fn read_end(event: &Event) -> Option<EndEvent> {
    match event.decode().unwrap().unwrap() {
        RunEvent::Succeeded(data) | RunEvent::Failed(data) | RunEvent::Stopped(data) => {
            Some(EndEvent { data, has_notice: event.notice.is_some() })
        }
        RunEvent::Started(_) | RunEvent::DueMissed(_) => None,
    }
}

/// Waits until there are `count` end events.
async fn wait_for_ends(harness: &JobsHarness, count: usize) -> Result<Vec<EndEvent>> {
    let ended = wait_until("the end events are there", async || {
        let ended: Vec<EndEvent> = read_raw_events(harness).await?.iter().filter_map(read_end).collect();
        Ok(Some(ended).filter(|ended| ended.len() >= count))
    })
    .await?;
    assert_eq!(ended.len(), count, "{:#?}", read_raw_events(harness).await?);
    Ok(ended)
}

async fn run_start_and_end_are_events_with_the_last_lines(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { emails: Some(Emails::OnFailure), ..build_one_off_job("a") }).await?;
    let instance = harness.wait_for_one_running(None).await?;
    for line in ["one", "two", "three", "four"] {
        harness.runtime.fake.write_line(instance, line)?;
    }
    harness.runtime.fake.end_instance(instance, RuntimeEnd::Exited { code: 3 })?;
    let EndEvent { data: ended, has_notice } = wait_for_ends(&harness, 1).await?.remove(0);
    assert_eq!(
        (ended.tool_id, &ended.tool, ended.job_type),
        (harness.tool_id, &harness.tool, JobType::OneOff)
    );
    assert_eq!((has_notice, ended.again), (true, false));
    assert_eq!((ended.run.end, ended.run.exit_code), (Some(RunEnd::Exited), Some(3)));
    assert_eq!(ended.run.last_lines, ["two", "three", "four"]);
    assert_eq!(ended.run.reason.as_deref(), Some("it ended with status 3"));
    harness.wait_until_idle().await?;
    let [RunEvent::Started(began), RunEvent::Failed(_)] = &read_run_events(&harness).await?[..] else {
        panic!("expected a start and an end: {:#?}", read_run_events(&harness).await?)
    };
    assert_eq!(began.run.id, ended.run.id);
    assert!(began.run.started.is_some());
    Ok(())
}

async fn end_event_waits_for_the_log_and_comes_once(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.fakes.lock().logs_unavailable = true;
    harness.create(&build_one_off_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    harness.runtime.fake.write_line(instance, "hello")?;
    harness.runtime.fake.end_instance(instance, RuntimeEnd::Exited { code: 0 })?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    assert!(wait_for_ends(&harness, 0).await?.is_empty());
    harness.stop().await;
    harness.fakes.lock().logs_unavailable = false;
    // The second process gets the items of the first one when their leases have expired.
    harness.stand.advance_clock(SignedDuration::from_mins(1));
    harness.start().await?;
    assert_eq!(wait_for_ends(&harness, 1).await?[0].data.run.last_lines, ["hello"]);
    harness.wait_until_idle().await?;
    harness.stop().await;
    harness.start().await?;
    wait_for_ends(&harness, 1).await.map(drop)
}

async fn end_event_includes_a_following_retry(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&JobCreate { retry: Some(1), ..build_one_off_job("a") }).await?;
    let first = harness.end_one_container(None, 1).await?;
    harness.end_one_container(Some(first), 1).await?;
    let ended = wait_for_ends(&harness, 2).await?;
    // Each event waits for the log of its run, so either may be first.
    let ended: BTreeSet<_> = ended.iter().map(|ended| (ended.data.run.attempt, ended.data.again)).collect();
    assert_eq!(ended, [(1, true), (2, false)].into());
    harness.create(&build_continuous_job("b")).await?;
    let crashed = harness.end_one_container(None, 1).await?;
    harness.wait_for_one_running(Some(crashed)).await?;
    let ended = wait_for_ends(&harness, 3).await?.remove(2).data;
    assert_eq!((ended.job_type, ended.again, ended.run.attempt), (JobType::Continuous, true, 1));
    harness.maintainer.jobs().delete(&harness.tool, &"b".parse()?).await?;
    let EndEvent { data: ended, has_notice } = wait_for_ends(&harness, 4).await?.remove(3);
    assert_eq!((ended.run.end, ended.again, has_notice), (Some(RunEnd::Stopped), false, false));
    Ok(())
}

async fn consecutive_ends_are_counted(db: Db) -> Result<()> {
    let mut harness = JobsHarness::with_config(db, |config| {
        config.change_section(|jobs: &mut JobsSettings| jobs.runs_most = 2)
    })
    .await?;
    harness.create(&build_continuous_job("b")).await?;
    let attempts = async |most: usize| {
        let ended = wait_for_ends(&harness, most).await?;
        Ok::<_, hearth_base::Error>(ended.iter().map(|ended| ended.data.run.attempt).collect::<Vec<_>>())
    };
    let first = harness.end_one_container(None, 1).await?;
    let second = harness.end_one_container(Some(first), 1).await?;
    // Each end event waits for its log, so the second may come first.
    let mut both = attempts(2).await?;
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
    // A restart resets the count.
    harness.wait_for_one_running(Some(second)).await?;
    harness.maintainer.jobs().restart(&harness.tool, &"b".parse()?).await?;
    assert_eq!(wait_for_ends(&harness, 3).await?[2].data.run.end, Some(RunEnd::Stopped));
    let third = harness.wait_for_one_running(Some(second)).await?;
    harness.runtime.fake.end_instance(third, RuntimeEnd::Exited { code: 1 })?;
    let fourth = harness.wait_for_one_running(Some(third)).await?;
    assert_eq!(attempts(4).await?[3], 1);
    // Deleted runs whose instances the runtime still reports are not created again.
    harness.stop().await;
    harness.stand.advance_clock(SignedDuration::from_hours(2));
    harness.start().await?;
    harness.wait_until("old runs are deleted", async || Ok(harness.list_runs("b").await?.len() == 3)).await?;
    for _ in 0..2 {
        harness.stop().await;
        // Each process gets the items of the one before when their leases have expired.
        harness.stand.advance_clock(SignedDuration::from_mins(1));
        harness.start().await?;
        harness.wait_for_job("b", |job| job.status.run == Some(fourth.to_string())).await?;
    }
    harness.runtime.fake.end_instance(fourth, RuntimeEnd::Exited { code: 1 })?;
    assert_eq!(wait_for_ends(&harness, 5).await?[4].data.run.attempt, 2);
    assert_eq!(harness.list_runs("b").await?.iter().filter(|run| run.ended.is_some()).count(), 3);
    Ok(())
}

async fn run_unknown_to_the_runtime_is_reported_as_lost(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    harness.wait_for_status("a", StatusShort::Running).await?;
    harness.runtime.stop().await;
    harness.runtime.replace_service();
    let ended = wait_for_ends(&harness, 1).await?.remove(0).data;
    assert_eq!(ended.run.end, Some(RunEnd::Lost));
    Ok(())
}

async fn missed_due_times_are_an_event(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    advance_clock(&harness, SignedDuration::from_mins(35)).await?;
    let missed = |events: Vec<RunEvent>| -> Vec<DueMissedData> {
        let due = events.into_iter().filter_map(|event| match event {
            RunEvent::DueMissed(data) => Some(data),
            _ => None,
        });
        due.collect()
    };
    let ended = missed(read_run_events(&harness).await?);
    assert_eq!((ended.len(), ended[0].count, ended[0].in_a_row), (1, 3, 3), "{ended:?}");
    assert_eq!(ended[0].job.as_str(), "a");
    assert!(!ended[0].reason.is_empty());
    Ok(())
}

async fn third_due_time_without_a_run_is_one_event(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    let ten = SignedDuration::from_mins(10);
    advance_clock(&harness, ten + SignedDuration::from_secs(5)).await?;
    harness.wait_for_one_running(None).await?;
    // The previous run is still active, five times.
    for _ in 0..5 {
        advance_clock(&harness, ten).await?;
    }
    let due = read_run_events(&harness).await?.into_iter().filter_map(|event| match event {
        RunEvent::DueMissed(data) => Some((data.in_a_row, data.reason)),
        _ => None,
    });
    assert_eq!(due.collect::<Vec<_>>(), [(3, "the previous run was still active".to_owned())]);
    Ok(())
}

async fn run_events_are_readable_by_notify_only(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    for other in [harness.stand.service_client(Role::Edge)?, harness.stand.service_client(Role::Components)?]
    {
        let refused = other.read_events(RunEvent::TOPIC_INFO, &EventsQuery::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
    }
    let refused =
        harness.maintainer.read_events(RunEvent::TOPIC_INFO, &EventsQuery::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    Ok(())
}

async fn mail_request_is_warned_about_without_a_mail_server(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    for (emails, warned) in [("onfailure", true), ("none", false)] {
        let job = json!({"name": emails, "imagename": "python3.11", "cmd": "./run", "emails": emails});
        let (status, made) = harness.send(Method::POST, "/jobs", Some(job)).await;
        assert_eq!(status, StatusCode::CREATED);
        let warnings = made["messages"]["warning"].to_string();
        assert_eq!(warnings.contains("this Hearth sends no mail"), warned, "{warnings}");
    }
    Ok(())
}

on_every_store!(
    run_start_and_end_are_events_with_the_last_lines,
    end_event_waits_for_the_log_and_comes_once,
    end_event_includes_a_following_retry,
    consecutive_ends_are_counted,
    run_unknown_to_the_runtime_is_reported_as_lost,
    missed_due_times_are_an_event,
    third_due_time_without_a_run_is_one_event,
    run_events_are_readable_by_notify_only,
    mail_request_is_warned_about_without_a_mail_server,
);
