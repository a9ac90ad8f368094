//! Moved image tags: shown, or applied.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::jobs::{Job, JobCreate, StatusShort};
use jiff::SignedDuration;

use crate::{
    harness::{JobsHarness, build_continuous_job, build_one_off_job, job_name},
    schedules::wake_scheduler,
};

const OWN_IMAGE: &str = "tool-hello/hello:latest";

fn with_own_image(job: JobCreate) -> JobCreate {
    JobCreate { imagename: OWN_IMAGE.to_owned(), ..job }
}

async fn newer_image_is_shown_until_a_restart(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&with_own_image(build_continuous_job("bot"))).await?;
    harness.create(&build_continuous_job("other")).await?;
    let runs = |job: &Job| job.status.short == StatusShort::Running && job.status.run.is_some();
    let first = harness.wait_for_job("bot", runs).await?;
    assert!(!first.status.image_changed && first.auto_update == Some(false), "{first:?}");
    let pins = harness.fakes.lock().pins.clone();
    harness.fakes.move_image_tags(Some(harness.tool_id));
    let changed = harness.wait_for_job("bot", |job| job.status.image_changed).await?;
    assert!(
        !changed.status.up_to_date && changed.status_long.contains("its image has changed"),
        "{changed:?}"
    );
    // The container keeps running with its pinned image. A job with another tool's image is not affected.
    assert_eq!((changed.status.run, changed.status.short), (first.status.run, StatusShort::Running));
    assert_eq!(harness.fakes.lock().pins, pins);
    assert!(!harness.show_job("other").await?.status.image_changed);

    harness.maintainer.jobs().restart(&harness.tool, &job_name("bot")).await?;
    harness.wait_for_job("bot", |job| job.status.up_to_date && !job.status.image_changed).await?;
    harness
        .wait_until("the new image is pinned instead", async || Ok(harness.fakes.lock().pins != pins))
        .await?;
    // A service that was down continues at its position in the events.
    harness.stop().await;
    harness.fakes.move_image_tags(None);
    harness.start().await?;
    harness.wait_for_job("other", |job| job.status.image_changed).await?;
    assert!(!harness.show_job("bot").await?.status.image_changed);
    harness.stop().await;
    Ok(())
}

async fn newer_image_restarts_a_job_with_auto_update(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    let auto_update = Some(true);
    harness.create(&JobCreate { auto_update, ..with_own_image(build_continuous_job("bot")) }).await?;
    let first = harness.wait_for_one_running(None).await?;
    harness.fakes.move_image_tags(Some(harness.tool_id));
    harness.wait_for_one_running(Some(first)).await?;
    let job = harness.wait_for_job("bot", |job| job.status.up_to_date).await?;
    assert_eq!((job.status.image_changed, job.auto_update), (false, Some(true)));
    // A paused job stays paused and shows the newer image.
    harness.maintainer.jobs().pause(&harness.tool, &job_name("bot")).await?;
    harness.fakes.move_image_tags(Some(harness.tool_id));
    harness.wait_for_job("bot", |job| job.status.image_changed && job.status.paused.is_some()).await?;
    harness.maintainer.jobs().resume(&harness.tool, &job_name("bot")).await?;
    harness
        .wait_for_job("bot", |job| job.status.up_to_date && job.status.short == StatusShort::Running)
        .await?;
    let refused = harness
        .maintainer
        .jobs()
        .create(&harness.tool, &JobCreate { auto_update, ..build_one_off_job("a") })
        .await;
    assert_eq!(refused.unwrap_err().code(), "job-type");
    harness.stop().await;
    Ok(())
}

async fn scheduled_runs_use_the_newest_image(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness
        .create(&with_own_image(JobCreate {
            schedule: Some("* * * * *".to_owned()),
            ..build_one_off_job("tick")
        }))
        .await?;
    let pinned = |harness: &JobsHarness| harness.fakes.lock().pins.values().copied().collect::<Vec<_>>();
    let before = pinned(&harness);
    harness.fakes.move_image_tags(Some(harness.tool_id));
    harness
        .wait_until("the schedule uses the newer image", async || {
            Ok(pinned(&harness).len() == 1 && pinned(&harness) != before)
        })
        .await?;
    assert!(harness.show_job("tick").await?.status.up_to_date);
    harness.stand.advance_clock(SignedDuration::from_mins(1));
    wake_scheduler(&harness).await?;
    harness.wait_for_one_running(None).await?;
    harness.stop().await;
    Ok(())
}

on_every_store!(
    newer_image_is_shown_until_a_restart,
    newer_image_restarts_a_job_with_auto_update,
    scheduled_runs_use_the_newest_image,
);
