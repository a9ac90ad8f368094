//! What is due while the run before still runs.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::jobs::{Concurrency, DueOutcome::Ran, JobCreate, RunEnd};

use crate::{
    schedules::{TEN, pass, says},
    stage::{Stage, once},
};

async fn it_runs_beside_it_or_in_its_place(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let how = |concurrency| JobCreate {
        schedule: Some("*/10 * * * *".to_owned()),
        concurrency: Some(concurrency),
        ..once("a")
    };
    stage.create(&how(Concurrency::Allow)).await?;
    for due in 1..=2 {
        pass(&stage, TEN).await?;
        until("they run", async || Ok((stage.running().await.len() == due).then_some(()))).await?;
    }
    let before = stage.running().await;
    stage.maintainer.jobs().update(&stage.tool, &how(Concurrency::Replace)).await?;
    pass(&stage, TEN).await?;
    let replaced = async || {
        let now = stage.running().await;
        Ok((now.len() == 1 && !before.contains(&now[0])).then_some(()))
    };
    until("one runs in place of both", replaced).await?;
    let stopped = async || {
        let runs = stage.runs("a").await?;
        let stopped = runs.iter().filter(|run| run.end == Some(RunEnd::Stopped)).count();
        Ok((runs.len() == 3 && stopped == 2).then_some(()))
    };
    until("both were stopped", stopped).await?;
    says(&stage, &[(Ran, 1), (Ran, 1), (Ran, 1)]).await.map(drop)
}

on_every_store!(it_runs_beside_it_or_in_its_place);
