//! What may pass is tried again, and given up in the end.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until, until_within};
use hearth_wire::{
    builds::BuildStatus,
    components::{Deployment, DeploymentId, DeploymentState, StepName, StepState},
};
use jiff::SignedDuration;

use crate::{
    neighbours::{AWAY, Mood, Pace, Then},
    stage::{Stage, git, stage, step},
};

/// How far the clock is set at one time: less than a lease lasts.
const WINK: SignedDuration = SignedDuration::from_secs(10);

/// A sixth of the time for which work is leased: a try that is under way keeps its lease, however slow it is here.
const TICK: SignedDuration = SignedDuration::from_secs(5);

/// A deployment that is over after all of its pauses, while others go on and wake whoever looks for work.
async fn given_up(stage: &Stage, id: DeploymentId) -> Result<Deployment> {
    until_within(Duration::from_secs(90), "it is over", async || {
        stage.stand.passes(TICK);
        stage.others_deploy().await?;
        Ok(Some(stage.shown(id).await?).filter(|found| found.status.is_over()))
    })
    .await
}

async fn what_does_not_answer_is_asked_ten_times_with_growing_pauses(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.always("POST builds", AWAY);
    let id = stage.deploy(&git()).await?.deploy_id;
    for tries in 1..10 {
        stage.until_asked("POST builds", tries).await?;
        until("it is tried again", async || {
            // Others go on meanwhile, and wake whoever looks for work.
            assert_eq!(stage.others_deploy().await?, DeploymentState::Successful);
            stage.stand.passes(WINK.min(SignedDuration::from_millis(250 << (tries - 1))));
            Ok((stage.neighbours.times("POST builds") > tries).then_some(()))
        })
        .await?;
    }
    let failed = stage.over(id).await?;
    let asked = stage.neighbours.asked("POST builds");
    assert_eq!(asked.len(), 10);
    for (tries, pair) in (0..).zip(asked.windows(2)) {
        let (pause, least) = (pair[1].duration_since(pair[0]), SignedDuration::from_secs(1 << tries));
        assert!(pause >= least && pause < least * 2, "{pause} after {} tries", tries + 1);
    }
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("away")));
    assert_eq!((&*failed.long_status, failed.help.as_deref()), ("it does not answer", None));
    assert_eq!(step(&failed, StepName::Source), Some(StepState::Failed));
    stage.settled(2).await
}

async fn what_answers_again_is_gone_on_with(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for call in [
        "POST accounts mandates * use",
        "POST builds",
        "GET builds *",
        "GET images resolve",
        "PUT images pins *",
        "GET jobs web",
        "PATCH jobs",
        "GET jobs web runs",
        "DELETE accounts mandates *",
    ] {
        stage.neighbours.change(|known| known.jobs.mood = Mood::Silent);
        stage.neighbours.next(1, call, AWAY);
        let (times, id) = (stage.neighbours.times(call), stage.deploy(&git()).await?.deploy_id);
        if !call.starts_with("DELETE") {
            stage.until_asked(call, times + 1).await?;
        }
        stage.neighbours.change(|known| known.jobs.answer());
        let done = stage.over_in_time(id).await?;
        assert_eq!(done.status, DeploymentState::Successful, "{call} {done:?}");
    }
    let known = stage.neighbours.known();
    assert_eq!((known.builds.all.len(), known.jobs.changes.len()), (9, 9));
    Ok(())
}

async fn an_answer_that_is_lost_doubles_nothing(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for call in ["POST builds", "PUT images pins *", "PATCH jobs"] {
        stage.neighbours.next(1, call, Then::LoseAnswer);
        let (times, id) = (stage.neighbours.times(call), stage.deploy(&git()).await?.deploy_id);
        stage.until_asked(call, times + 1).await?;
        let done = stage.over_in_time(id).await?;
        assert_eq!(done.status, DeploymentState::Successful, "{call} {done:?}");
    }
    let known = stage.neighbours.known();
    assert_eq!((known.builds.all.len(), known.jobs.changes.len()), (3, 3));
    Ok(())
}

async fn a_log_that_is_away_is_no_hindrance(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.always("GET builds * logs", AWAY);
    stage.neighbours.always("GET jobs web logs", AWAY);
    stage.neighbours.always("GET jobs events routes", AWAY);
    stage.neighbours.change(|known| (known.builds.pace, known.jobs.mood) = (Pace::Slow, Mood::Crashes));
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.until_asked("GET builds * logs", 1).await?;
    stage.neighbours.change(|known| known.builds.end(BuildStatus::BuildSuccess, "made"));
    let failed = stage.over(id).await?;
    assert_eq!(failed.code.as_deref(), Some("component-crashed"), "{failed:?}");
    assert_eq!(failed.long_status.lines().count(), 1);
    Ok(())
}

async fn taking_back_has_tries_of_its_own(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.next(1, "PATCH jobs", Then::LoseAnswer);
    stage.neighbours.next(9, "PATCH jobs", AWAY);
    stage.neighbours.next(3, "DELETE jobs web", AWAY);
    let id = stage.deploy(&git()).await?.deploy_id;
    let failed = given_up(&stage, id).await?;
    assert_eq!((stage.neighbours.times("PATCH jobs"), stage.neighbours.times("DELETE jobs web")), (10, 4));
    assert_eq!((failed.status, &*failed.long_status), (DeploymentState::Failed, "it does not answer"));
    assert_eq!(stage.job(), None);
    Ok(())
}

async fn what_cannot_be_taken_back_is_told_in_the_end(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.change(|known| known.jobs.mood = Mood::Crashes);
    stage.neighbours.always("DELETE jobs web", AWAY);
    let id = stage.deploy(&git()).await?.deploy_id;
    let over = given_up(&stage, id).await?;
    assert_eq!(stage.neighbours.times("DELETE jobs web"), 10);
    assert_eq!(over.status, DeploymentState::Failed);
    let last = "What it had begun could not be taken back: it does not answer";
    assert_eq!(over.long_status.lines().last(), Some(last));
    Ok(())
}

async fn what_was_kept_for_it_is_given_up_however_long_others_are_away(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.always("DELETE accounts mandates *", AWAY);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.over(id).await?;
    for _ in 0..60 {
        stage.stand.passes(WINK);
        stage.others_deploy().await?;
    }
    stage.neighbours.are_well();
    until("all mandates have ended", async || {
        stage.stand.passes(WINK);
        stage.others_deploy().await?;
        // But for that of the deployment which was over a moment ago.
        Ok((stage.neighbours.known().accounts.open() <= 1).then_some(()))
    })
    .await
}

on_every_store!(
    what_does_not_answer_is_asked_ten_times_with_growing_pauses,
    what_answers_again_is_gone_on_with,
    an_answer_that_is_lost_doubles_nothing,
    a_log_that_is_away_is_no_hindrance,
    taking_back_has_tries_of_its_own,
    what_cannot_be_taken_back_is_told_in_the_end,
    what_was_kept_for_it_is_given_up_however_long_others_are_away,
);
