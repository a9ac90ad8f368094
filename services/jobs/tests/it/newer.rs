//! Images that are made anew: shown, or taken.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::jobs::{Job, JobCreate, StatusShort};
use jiff::SignedDuration;

use crate::{
    schedules::wake,
    stage::{Stage, job_name, kept, once},
};

const OWN: &str = "tool-hello/hello:latest";

fn of_own(job: JobCreate) -> JobCreate {
    JobCreate { imagename: OWN.to_owned(), ..job }
}

async fn a_newer_image_is_shown_until_a_restart_takes_it(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&of_own(kept("bot"))).await?;
    stage.create(&kept("other")).await?;
    let runs = |job: &Job| job.status.short == StatusShort::Running && job.status.run.is_some();
    let first = stage.until("bot", runs).await?;
    assert!(!first.status.image_changed && first.auto_update == Some(false), "{first:?}");
    let pins = stage.ears.lock().pins.clone();
    stage.ears.made_anew(Some(stage.id));
    let changed = stage.until("bot", |job| job.status.image_changed).await?;
    assert!(!changed.status.up_to_date && changed.status_long.contains("made anew"), "{changed:?}");
    // What runs goes on, with what it runs of; what another tool's image means is no news.
    assert_eq!((changed.status.run, changed.status.short), (first.status.run, StatusShort::Running));
    assert_eq!(stage.ears.lock().pins, pins);
    assert!(!stage.job("other").await?.status.image_changed);

    stage.maintainer.jobs().restart(&stage.tool, &job_name("bot")).await?;
    stage.until("bot", |job| job.status.up_to_date && !job.status.image_changed).await?;
    stage.eventually("what is new is pinned instead", async || Ok(stage.ears.lock().pins != pins)).await?;
    // A service that was away meanwhile goes on where it was.
    stage.stop().await;
    stage.ears.made_anew(None);
    stage.start().await?;
    stage.until("other", |job| job.status.image_changed).await?;
    assert!(!stage.job("bot").await?.status.image_changed);
    stage.stop().await;
    Ok(())
}

async fn a_newer_image_restarts_what_asked_for_it(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    let auto_update = Some(true);
    stage.create(&JobCreate { auto_update, ..of_own(kept("bot")) }).await?;
    let first = stage.one_running(None).await?;
    stage.ears.made_anew(Some(stage.id));
    stage.one_running(Some(first)).await?;
    let job = stage.until("bot", |job| job.status.up_to_date).await?;
    assert_eq!((job.status.image_changed, job.auto_update), (false, Some(true)));
    // What is paused stays so, and says it.
    stage.maintainer.jobs().pause(&stage.tool, &job_name("bot")).await?;
    stage.ears.made_anew(Some(stage.id));
    stage.until("bot", |job| job.status.image_changed && job.status.paused.is_some()).await?;
    stage.maintainer.jobs().resume(&stage.tool, &job_name("bot")).await?;
    stage.until("bot", |job| job.status.up_to_date && job.status.short == StatusShort::Running).await?;
    let refused = stage.maintainer.jobs().create(&stage.tool, &JobCreate { auto_update, ..once("a") }).await;
    assert_eq!(refused.unwrap_err().code(), "job-type");
    stage.stop().await;
    Ok(())
}

async fn runs_of_a_schedule_begin_with_what_the_image_is_by_then(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&of_own(JobCreate { schedule: Some("* * * * *".to_owned()), ..once("tick") })).await?;
    let pinned = |stage: &Stage| stage.ears.lock().pins.values().copied().collect::<Vec<_>>();
    let before = pinned(&stage);
    stage.ears.made_anew(Some(stage.id));
    stage
        .eventually("the schedule takes it", async || {
            Ok(pinned(&stage).len() == 1 && pinned(&stage) != before)
        })
        .await?;
    assert!(stage.job("tick").await?.status.up_to_date);
    stage.stand.passes(SignedDuration::from_mins(1));
    wake(&stage).await?;
    stage.one_running(None).await?;
    stage.stop().await;
    Ok(())
}

on_every_store!(
    a_newer_image_is_shown_until_a_restart_takes_it,
    a_newer_image_restarts_what_asked_for_it,
    runs_of_a_schedule_begin_with_what_the_image_is_by_then,
);
