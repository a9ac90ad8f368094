//! What is told of runs and due times to whoever passes it on: once, with all there is to say.

use hearth_base::{Kind, Result, Role};
use hearth_jobs::JobsSettings;
use hearth_kit::db::Db;
use hearth_runtime_api::End as RuntimeEnd;
use hearth_testkit::{on_every_store, until};
use hearth_wire::{
    events::{After, Event, Topic},
    jobs::{
        Emails, JobCreate, JobType, RunEnd, StatusShort,
        events::{DueMissedData, RunEvent, RunEventData},
    },
};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    schedules::{every_ten, pass},
    stage::{Stage, kept, once},
};

/// Every event about runs so far.
async fn raw_events(stage: &Stage) -> Result<Vec<Event>> {
    let notify = stage.stand.service(Role::Notify)?;
    Ok(notify.read_events(RunEvent::TOPIC_INFO, &After::default()).await?.events)
}

/// The same, read.
async fn events(stage: &Stage) -> Result<Vec<RunEvent>> {
    let events = raw_events(stage).await?.into_iter();
    events.map(|event| event.decode().map(Option::unwrap)).collect()
}

/// An end of a run, and whether its maintainers get mail about it.
struct End {
    data: RunEventData,
    has_notice: bool,
}

fn read_end(event: &Event) -> Option<End> {
    match event.decode().unwrap().unwrap() {
        RunEvent::Succeeded(data) | RunEvent::Failed(data) | RunEvent::Stopped(data) => {
            Some(End { data, has_notice: event.notice.is_some() })
        }
        RunEvent::Started(_) | RunEvent::DueMissed(_) => None,
    }
}

/// The ends that were told, once there are so many.
async fn ends(stage: &Stage, count: usize) -> Result<Vec<End>> {
    let told = until("the ends are told", async || {
        let ended: Vec<End> = raw_events(stage).await?.iter().filter_map(read_end).collect();
        Ok(Some(ended).filter(|ended| ended.len() >= count))
    })
    .await?;
    assert_eq!(told.len(), count, "{:#?}", raw_events(stage).await?);
    Ok(told)
}

async fn a_run_is_told_when_it_begins_and_when_it_is_over_with_its_last_lines(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&JobCreate { emails: Some(Emails::OnFailure), ..once("a") }).await?;
    let instance = stage.one_running(None).await?;
    for line in ["one", "two", "three", "four"] {
        stage.runtime.fake.print(instance, line)?;
    }
    stage.runtime.fake.end(instance, RuntimeEnd::Exited { code: 3 })?;
    let End { data: told, has_notice } = ends(&stage, 1).await?.remove(0);
    assert_eq!((told.tool_id, &told.tool, told.job_type), (stage.id, &stage.tool, JobType::OneOff));
    assert_eq!((has_notice, told.again), (true, false));
    assert_eq!((told.run.end, told.run.exit_code), (Some(RunEnd::Exited), Some(3)));
    assert_eq!(told.run.last_lines, ["two", "three", "four"]);
    assert_eq!(told.run.reason.as_deref(), Some("it ended with status 3"));
    stage.nothing_left().await?;
    let [RunEvent::Started(began), RunEvent::Failed(_)] = &events(&stage).await?[..] else {
        panic!("a beginning and an end: {:#?}", events(&stage).await?)
    };
    assert_eq!(began.run.id, told.run.id);
    assert!(began.run.started.is_some());
    Ok(())
}

async fn an_end_is_told_when_its_log_is_kept_and_once_whoever_dies(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.ears.lock().logs_away = true;
    stage.create(&once("a")).await?;
    let instance = stage.one_running(None).await?;
    stage.runtime.fake.print(instance, "hello")?;
    stage.runtime.fake.end(instance, RuntimeEnd::Exited { code: 0 })?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    assert!(ends(&stage, 0).await?.is_empty());
    stage.stop().await;
    stage.ears.lock().logs_away = false;
    // What the first life had under way is the second one's when its lease has run out.
    stage.stand.passes(SignedDuration::from_mins(1));
    stage.start().await?;
    assert_eq!(ends(&stage, 1).await?[0].data.run.last_lines, ["hello"]);
    stage.nothing_left().await?;
    stage.stop().await;
    stage.start().await?;
    ends(&stage, 1).await.map(drop)
}

async fn it_is_told_whether_another_try_follows(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&JobCreate { retry: Some(1), ..once("a") }).await?;
    let first = stage.end_one(None, 1).await?;
    stage.end_one(Some(first), 1).await?;
    let told = ends(&stage, 2).await?;
    assert_eq!(
        told.iter().map(|told| (told.data.run.attempt, told.data.again)).collect::<Vec<_>>(),
        [(1, true), (2, false)]
    );
    stage.create(&kept("b")).await?;
    let crashed = stage.end_one(None, 1).await?;
    stage.one_running(Some(crashed)).await?;
    let told = ends(&stage, 3).await?.remove(2).data;
    assert_eq!((told.job_type, told.again, told.run.attempt), (JobType::Continuous, true, 1));
    stage.maintainer.jobs().delete(&stage.tool, &"b".parse()?).await?;
    let End { data: told, has_notice } = ends(&stage, 4).await?.remove(3);
    assert_eq!((told.run.end, told.again, has_notice), (Some(RunEnd::Stopped), false, false));
    Ok(())
}

async fn ends_are_counted_in_a_row(db: Db) -> Result<()> {
    let mut stage =
        Stage::with(db, |config| config.change(|jobs: &mut JobsSettings| jobs.runs_most = 2)).await?;
    stage.create(&kept("b")).await?;
    let attempts = async |most: usize| {
        let told = ends(&stage, most).await?;
        Ok::<_, hearth_base::Error>(told.iter().map(|told| told.data.run.attempt).collect::<Vec<_>>())
    };
    let first = stage.end_one(None, 1).await?;
    let second = stage.end_one(Some(first), 1).await?;
    // Each is told when its log is there: the second may come first.
    let mut both = attempts(2).await?;
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
    // A restart begins anew.
    stage.one_running(Some(second)).await?;
    stage.maintainer.jobs().restart(&stage.tool, &"b".parse()?).await?;
    assert_eq!(ends(&stage, 3).await?[2].data.run.end, Some(RunEnd::Stopped));
    let third = stage.one_running(Some(second)).await?;
    stage.runtime.fake.end(third, RuntimeEnd::Exited { code: 1 })?;
    let fourth = stage.one_running(Some(third)).await?;
    assert_eq!(attempts(4).await?[3], 1);
    // What was forgotten here, and is remembered by the runtime, does not come back.
    stage.stop().await;
    stage.stand.passes(SignedDuration::from_hours(2));
    stage.start().await?;
    stage.eventually("two are remembered", async || Ok(stage.runs("b").await?.len() == 3)).await?;
    for _ in 0..2 {
        stage.stop().await;
        // What a life had under way is the next one's when its lease has run out.
        stage.stand.passes(SignedDuration::from_mins(1));
        stage.start().await?;
        stage.until("b", |job| job.status.run == Some(fourth.to_string())).await?;
    }
    stage.runtime.fake.end(fourth, RuntimeEnd::Exited { code: 1 })?;
    assert_eq!(ends(&stage, 5).await?[4].data.run.attempt, 2);
    assert_eq!(stage.runs("b").await?.iter().filter(|run| run.ended.is_some()).count(), 3);
    Ok(())
}

async fn what_the_machine_forgot_is_told_as_lost(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&once("a")).await?;
    stage.until_short("a", StatusShort::Running).await?;
    stage.runtime.stop().await;
    stage.runtime.replace();
    let told = ends(&stage, 1).await?.remove(0).data;
    assert_eq!(told.run.end, Some(RunEnd::Lost));
    Ok(())
}

async fn due_times_without_a_run_are_told(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    pass(&stage, SignedDuration::from_mins(35)).await?;
    let missed = |events: Vec<RunEvent>| -> Vec<DueMissedData> {
        let due = events.into_iter().filter_map(|event| match event {
            RunEvent::DueMissed(told) => Some(told),
            _ => None,
        });
        due.collect()
    };
    let told = missed(events(&stage).await?);
    assert_eq!((told.len(), told[0].count, told[0].in_a_row), (1, 3, 3), "{told:?}");
    assert_eq!(told[0].job.as_str(), "a");
    assert!(!told[0].reason.is_empty());
    Ok(())
}

async fn a_job_that_falls_silent_is_told_once(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    let ten = SignedDuration::from_mins(10);
    pass(&stage, ten + SignedDuration::from_secs(5)).await?;
    stage.one_running(None).await?;
    // The run before still runs, five times.
    for _ in 0..5 {
        pass(&stage, ten).await?;
    }
    let due = events(&stage).await?.into_iter().filter_map(|event| match event {
        RunEvent::DueMissed(told) => Some((told.in_a_row, told.reason)),
        _ => None,
    });
    assert_eq!(due.collect::<Vec<_>>(), [(3, "the run before still ran".to_owned())]);
    Ok(())
}

async fn only_notify_hears_what_runs_wrote(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    for other in [stage.stand.service(Role::Edge)?, stage.stand.service(Role::Components)?] {
        let refused = other.read_events(RunEvent::TOPIC_INFO, &After::default()).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden);
    }
    let refused = stage.maintainer.read_events(RunEvent::TOPIC_INFO, &After::default()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    Ok(())
}

async fn who_wants_mail_is_warned_where_none_is_sent(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    for (emails, warned) in [("onfailure", true), ("none", false)] {
        let job = json!({"name": emails, "imagename": "python3.11", "cmd": "./run", "emails": emails});
        let (status, made) = stage.send(Method::POST, "/jobs", Some(job)).await;
        assert_eq!(status, StatusCode::CREATED);
        let warnings = made["messages"]["warning"].to_string();
        assert_eq!(warnings.contains("this Hearth sends no mail"), warned, "{warnings}");
    }
    Ok(())
}

on_every_store!(
    a_run_is_told_when_it_begins_and_when_it_is_over_with_its_last_lines,
    an_end_is_told_when_its_log_is_kept_and_once_whoever_dies,
    it_is_told_whether_another_try_follows,
    ends_are_counted_in_a_row,
    what_the_machine_forgot_is_told_as_lost,
    due_times_without_a_run_are_told,
    a_job_that_falls_silent_is_told_once,
    only_notify_hears_what_runs_wrote,
    who_wants_mail_is_warned_where_none_is_sent,
);
