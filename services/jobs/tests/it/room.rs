//! What is due while the tool runs all that it may.

use hearth_base::{Memory, Result};
use hearth_kit::db::Db;
use hearth_runtime_api::End;
use hearth_testkit::{on_every_store, until};
use hearth_wire::jobs::{
    DueOutcome::{Missed, Ran},
    JobCreate,
};
use jiff::SignedDuration;

use crate::{
    schedules::{TEN, every_ten, history, pass, says},
    stage::{is_run, job_name, kept, once},
};

const FULL: &str = "with a the tool would have 8704Mi of memory, and may have 8Gi";

/// As much as it may use is as much as it uses, by schedule too.
async fn what_is_due_waits_until_the_tool_has_room(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    let half = |name: &str| JobCreate { memory: Some(Memory::mib(4096)), ..kept(name) };
    for name in ["b", "c"] {
        stage.create(&half(name)).await?;
    }
    let run = async |wanted: usize| {
        until("they run", async || Ok((stage.running().await.len() == wanted).then_some(()))).await
    };
    run(2).await?;
    pass(&stage, TEN + SignedDuration::from_secs(5)).await?;
    assert!(history(&stage).await?.is_empty() && stage.runs("a").await?.is_empty());

    stage.maintainer.jobs().delete(&stage.tool, &job_name("b")).await?;
    run(1).await?;
    let begun = async || {
        pass(&stage, SignedDuration::from_secs(5)).await?;
        Ok((!history(&stage).await?.is_empty()).then_some(()))
    };
    until("it begins", begun).await?;
    let known = says(&stage, &[(Ran, 1)]).await?;
    assert_eq!(known[0].due.to_string(), "2026-05-04T12:10:00Z");
    run(2).await?;
    for one in stage.running().await.into_iter().filter(|one| is_run(&one.workload)) {
        stage.runtime.fake.end(one, End::Exited { code: 0 })?;
    }
    let over = async || Ok(stage.runs("a").await?.iter().all(|run| run.end.is_some()).then_some(()));
    until("it is over", over).await?;

    // For as long as it may be late.
    stage.create(&half("b")).await?;
    run(2).await?;
    pass(&stage, TEN).await?;
    says(&stage, &[(Ran, 1)]).await?;
    pass(&stage, SignedDuration::from_secs(30)).await?;
    let known = says(&stage, &[(Ran, 1), (Missed, 1)]).await?;
    assert_eq!(known[1].reason.as_deref(), Some(FULL));
    Ok(())
}

/// What it is from then on has nothing to do with what was due.
async fn what_waits_while_its_job_is_changed_is_missed(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    for name in ["b", "c"] {
        stage.create(&JobCreate { memory: Some(Memory::mib(4096)), ..kept(name) }).await?;
    }
    until("they run", async || Ok((stage.running().await.len() == 2).then_some(()))).await?;
    pass(&stage, TEN + SignedDuration::from_secs(5)).await?;
    let often = JobCreate { schedule: Some("* * * * *".to_owned()), ..once("a") };
    stage.maintainer.jobs().update(&stage.tool, &often).await?;
    let known = says(&stage, &[(Missed, 1)]).await?;
    assert_eq!(known[0].due.to_string(), "2026-05-04T12:10:00Z");
    assert_eq!(known[0].reason.as_deref(), Some(FULL));
    let next = stage.job("a").await?.status.next_schedule;
    assert_eq!(next.map(|next| next.to_string()).as_deref(), Some("2026-05-04T12:11:00Z"));
    Ok(())
}

on_every_store!(what_is_due_waits_until_the_tool_has_room, what_waits_while_its_job_is_changed_is_missed,);
