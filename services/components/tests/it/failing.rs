//! What does not work out says why, and what ran before goes on.

use axum::http::StatusCode;
use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{
        BuildState, DeploySource, Deployment, DeploymentCreate, DeploymentState, GitSource, RunState,
        StepName, StepState,
    },
    jobs::JobCreate,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    neighbours::{Known, Mood, Pace, Then},
    stage::{Stage, git, image, stage, step},
};

/// A revision runs; the next deployment's build is this far when this happens to it.
async fn after_a_build_that(db: Db, happens: impl FnOnce(&mut Known)) -> Result<(Stage, Deployment)> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.at(id, StepName::Build).await?;
    stage.neighbours.change(happens);
    let failed = stage.over(id).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::Failed, Some(1)), "{failed:?}");
    assert_eq!((failed.revision, step(&failed, StepName::Build)), (None, Some(StepState::Failed)));
    assert_eq!(stage.neighbours.known().jobs.changes.len(), 1);
    stage.settled(1).await?;
    Ok((stage, failed))
}

async fn a_build_that_fails(db: Db) -> Result<()> {
    let fails = |known: &mut Known| known.builds.end(BuildStatus::BuildFailure, "npm found no script");
    let (stage, failed) = after_a_build_that(db, fails).await?;
    assert_eq!((&*failed.long_status, failed.code.as_deref()), ("npm found no script", Some("build-failed")));
    let build = stage.neighbours.known().builds.all[0].build_id;
    assert_eq!(failed.help, Some(format!("hearth build logs {build}")));
    assert_eq!(failed.builds["web"].build_status, BuildState::Failed);
    assert_eq!(failed.runs["web"].run_status, RunState::Skipped);
    Ok(())
}

async fn a_build_that_is_cancelled(db: Db) -> Result<()> {
    let cancelled = |known: &mut Known| known.builds.end(BuildStatus::BuildCancelled, "");
    let (_, failed) = after_a_build_that(db, cancelled).await?;
    assert_eq!(failed.long_status, "the build was cancelled");
    Ok(())
}

async fn a_build_that_takes_too_long(db: Db) -> Result<()> {
    let too_long = |known: &mut Known| known.builds.end(BuildStatus::BuildTimeout, "");
    let (_, failed) = after_a_build_that(db, too_long).await?;
    assert_eq!(failed.long_status, "the build took longer than it may");
    Ok(())
}

async fn a_build_that_is_forgotten(db: Db) -> Result<()> {
    let (_, failed) = after_a_build_that(db, |known| known.builds.forget()).await?;
    assert!(failed.long_status.starts_with("there is no build build_"), "{}", failed.long_status);
    Ok(())
}

async fn a_source_that_is_none(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let source = GitSource { url: "https://code.example/nosuch".to_owned(), reference: None };
    let create = DeploymentCreate { source: Some(DeploySource::Git(source)), ..git() };
    let failed = stage.deployed(&create).await?;
    assert_eq!(failed.status, DeploymentState::Failed);
    assert_eq!(failed.long_status, "there is no public repository there");
    assert_eq!(step(&failed, StepName::Build), Some(StepState::Waiting));
    assert_eq!((failed.still_running, failed.builds["web"].build_status), (None, BuildState::Failed));
    stage.settled(0).await
}

async fn an_image_that_cannot_be_started(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for (name, code, said) in [
        ("work-only", "no-process", "the image work-only has no process web: it has work"),
        ("python3.11", "no-process", "the image python3.11 has no process web: it has none"),
        ("nothing", "no-such-image", "there is no image nothing"),
    ] {
        let failed = stage.deployed(&image(name)).await?;
        assert_eq!((&*failed.long_status, failed.code.as_deref()), (said, Some(code)));
        assert_eq!(step(&failed, StepName::Check), Some(StepState::Failed));
    }
    let worker = DeploymentCreate { component: Some("work".parse()?), ..image("work-only") };
    assert_eq!(stage.deployed(&worker).await?.status, DeploymentState::Successful);
    stage.settled(1).await
}

async fn a_job_of_another_sort_is_left_alone(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let once = JobCreate::new("web".parse()?, "python3.11", "./once");
    stage.neighbours.change(|known| known.jobs.made(&once));
    let failed = stage.deployed(&git()).await?;
    assert_eq!(failed.code.as_deref(), Some("component-kind"));
    assert!(failed.long_status.starts_with("the tool has a one-off job web already"), "{failed:?}");
    assert_eq!(stage.job(), Some(once));
    stage.settled(0).await
}

async fn a_job_that_somebody_paused_is_left_alone(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let web = JobCreate { continuous: Some(true), ..JobCreate::new("web".parse()?, "python3.11", "./web") };
    stage.neighbours.change(|known| {
        known.jobs.made(&web);
        known.jobs.all.values_mut().for_each(|job| job.paused = Some(Timestamp::UNIX_EPOCH));
    });
    let failed = stage.deployed(&git()).await?;
    assert_eq!(failed.code.as_deref(), Some("job-paused"));
    assert_eq!(failed.long_status, "the job web is paused, and a deployment has to see it run");
    assert_eq!(stage.job(), Some(web));
    stage.settled(0).await
}

async fn a_start_that_is_refused(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let quota = Then::Refuse(StatusCode::TOO_MANY_REQUESTS, "quota", "the tool may have 2 jobs");
    stage.neighbours.always("PATCH jobs", quota);
    let failed = stage.deployed(&git()).await?;
    assert_eq!((&*failed.long_status, failed.code.as_deref()), ("the tool may have 2 jobs", Some("quota")));
    assert_eq!(step(&failed, StepName::Start), Some(StepState::Failed));
    assert_eq!(stage.job(), None);
    stage.settled(0).await
}

/// What is new is started, and the time until it must answer passes.
async fn time_passes(stage: &Stage) -> Result<Deployment> {
    stage.neighbours.change(|known| known.jobs.mood = Mood::Silent);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.at(id, StepName::Switch).await?;
    // It is looked at once more while there is time.
    stage.stand.passes(SignedDuration::from_secs(20));
    let looks = stage.neighbours.times("GET jobs web runs");
    stage.until_asked("GET jobs web runs", looks + 2).await?;
    assert_eq!(step(&stage.shown(id).await?, StepName::Switch), Some(StepState::Running));
    stage.stand.passes(SignedDuration::from_secs(41));
    stage.over(id).await
}

async fn what_never_answers_goes_when_there_was_nothing_before(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let failed = time_passes(&stage).await?;
    assert_eq!(failed.status, DeploymentState::TimedOut, "{failed:?}");
    assert_eq!(failed.code.as_deref(), Some("component-not-ready"));
    assert_eq!(failed.long_status, "web was not ready in time\nno such table: users");
    assert_eq!(failed.help.as_deref(), Some("listen on 0.0.0.0, port 8000 ($PORT), then deploy again"));
    assert_eq!((failed.still_running, failed.url.as_deref()), (None, None));
    assert_eq!(failed.runs["web"].run_status, RunState::Failed);
    assert_eq!(stage.job(), None);
    assert!(stage.revisions().await?.is_empty());
    stage.settled(0).await
}

async fn what_never_answers_leaves_the_job_as_it_was(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    let before = stage.job();
    let failed = time_passes(&stage).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::TimedOut, Some(1)));
    let changes = stage.neighbours.known().jobs.changes.len();
    assert_eq!((changes, stage.job()), (3, before));
    stage.settled(1).await
}

async fn a_job_that_was_made_by_hand_is_as_it_was(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut by_hand = JobCreate::new("web".parse()?, "python3.11", "./by-hand");
    (by_hand.continuous, by_hand.replicas) = (Some(true), Some(2));
    stage.neighbours.change(|known| known.jobs.made(&by_hand));
    let failed = time_passes(&stage).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::TimedOut, None));
    let job = stage.job().unwrap();
    assert_eq!((job.kind(), job.publish, job.port), (by_hand.kind(), None, None));
    assert_eq!((job.imagename, job.cmd, job.replicas), (by_hand.imagename, by_hand.cmd, by_hand.replicas));
    Ok(())
}

async fn what_ends_again_and_again_is_not_waited_for(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.change(|known| known.jobs.mood = Mood::Crashes);
    let failed = stage.deployed(&git()).await?;
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("component-crashed")));
    let said = "web ended 3 times right after its start: it ended with status 7: no such table";
    assert_eq!(failed.long_status, format!("{said}\nno such table: users"));
    assert_eq!(failed.help.as_deref(), Some("hearth jobs logs web"));
    assert_eq!(stage.job(), None);
    stage.settled(0).await
}

on_every_store!(
    a_build_that_fails,
    a_build_that_is_cancelled,
    a_build_that_takes_too_long,
    a_build_that_is_forgotten,
    a_source_that_is_none,
    an_image_that_cannot_be_started,
    a_job_of_another_sort_is_left_alone,
    a_job_that_somebody_paused_is_left_alone,
    a_start_that_is_refused,
    what_never_answers_goes_when_there_was_nothing_before,
    what_never_answers_leaves_the_job_as_it_was,
    a_job_that_was_made_by_hand_is_as_it_was,
    what_ends_again_and_again_is_not_waited_for,
);
