//! Variables of what runs: as they were when it started, and secrets for the runtime alone.

use hearth_base::{Kind, Result, Role, SealedFor, Secret};
use hearth_kit::db::Db;
use hearth_runtime_api::Runtime;
use hearth_testkit::on_every_store;
use hearth_wire::{
    envvars::internal::EnvvarSealed,
    jobs::{RunEnd, StatusShort},
};

use crate::stage::{Stage, job_name, kept, once};

async fn what_runs_with_former_variables_says_so_until_it_is_restarted(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&kept("bot")).await?;
    let first = stage.one_running(None).await?;
    let running = stage.until_short("bot", StatusShort::Running).await?;
    assert!(!running.status.envvars_changed && running.status.messages.is_empty(), "{running:?}");
    let envvars = stage.stand.service(Role::Envvars)?;
    assert!(envvars.jobs().with_envvars(stage.id).await?.outdated.is_empty());

    stage.ears.lock().envvars += 1;
    // With which variables it was started may be noted after it runs.
    let outdated = stage.until("bot", |job| job.status.envvars_changed).await?;
    assert!(outdated.status.up_to_date);
    assert!(outdated.status.messages[0].contains("its variables have changed"), "{outdated:?}");
    let standing = envvars.jobs().with_envvars(stage.id).await?;
    assert_eq!((standing.jobs, standing.outdated), (vec![job_name("bot")], vec![job_name("bot")]));
    assert_eq!(stage.edge.jobs().with_envvars(stage.id).await.unwrap_err().kind(), Kind::Forbidden);

    stage.maintainer.jobs().restart(&stage.tool, &job_name("bot")).await?;
    stage.one_running(Some(first)).await?;
    stage.until("bot", |job| job.status.up_to_date && !job.status.envvars_changed).await?;
    // Nothing of a paused job runs, so nothing of it is outdated.
    stage.maintainer.jobs().pause(&stage.tool, &job_name("bot")).await?;
    stage.ears.lock().envvars += 1;
    assert!(envvars.jobs().with_envvars(stage.id).await?.outdated.is_empty());
    stage.stop().await;
    Ok(())
}

async fn a_secret_opens_at_the_runtime_and_says_why_when_it_does_not(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    let envvars = stage.stand.service(Role::Envvars)?;
    let key = envvars.jobs().sealing_key().await?;
    assert_eq!(key, stage.runtime.fake.sealing_key().await?);
    assert_eq!(stage.maintainer.jobs().sealing_key().await.unwrap_err().kind(), Kind::Forbidden);
    let name = "API_KEY".parse()?;
    let seal = |job: &str| -> Result<EnvvarSealed> {
        let job = job_name(job);
        let place = SealedFor { tool: stage.id, name: &name, job: Some(&job) };
        let sealed = key.seal(place, &Secret::new("s3cret"))?;
        Ok(EnvvarSealed { name: name.clone(), sealed })
    };
    stage.ears.lock().sealed = vec![seal("bot")?];
    stage.create(&kept("bot")).await?;
    stage.one_running(None).await?;
    stage.create(&once("thief")).await?;
    stage.until_short("thief", StatusShort::Failed).await?;
    let run = stage.runs("thief").await?.remove(0);
    assert_eq!(run.end, Some(RunEnd::NotStarted));
    assert!(run.reason.as_deref().unwrap().contains("the secret API_KEY does not open here"), "{run:?}");
    stage.stop().await;
    Ok(())
}

on_every_store!(
    what_runs_with_former_variables_says_so_until_it_is_restarted,
    a_secret_opens_at_the_runtime_and_says_why_when_it_does_not,
);
