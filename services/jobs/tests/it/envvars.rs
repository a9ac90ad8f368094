//! Variables of running jobs: outdated ones, and secrets that only the runtime opens.

use hearth_base::{ErrorKind, Result, Role, SealContext, Secret};
use hearth_kit::db::Db;
use hearth_runtime_api::Runtime;
use hearth_testkit::on_every_store;
use hearth_wire::{
    envvars::internal::EnvvarSealed,
    jobs::{RunEnd, StatusShort},
};

use crate::harness::{JobsHarness, build_continuous_job, build_one_off_job, job_name};

async fn job_with_old_envvars_is_outdated_until_its_restart(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("bot")).await?;
    let first = harness.wait_for_one_running(None).await?;
    let running = harness.wait_for_status("bot", StatusShort::Running).await?;
    assert!(!running.status.envvars_changed && running.status.messages.is_empty(), "{running:?}");
    let envvars = harness.stand.service_client(Role::Envvars)?;
    assert!(envvars.jobs().show_envvar_states(harness.tool_id).await?.outdated.is_empty());

    harness.fakes.lock().envvars_revision += 1;
    // The revision of the variables may be recorded after the container runs.
    let outdated = harness.wait_for_job("bot", |job| job.status.envvars_changed).await?;
    assert!(outdated.status.up_to_date);
    assert!(outdated.status.messages[0].contains("its variables have changed"), "{outdated:?}");
    let standing = envvars.jobs().show_envvar_states(harness.tool_id).await?;
    assert_eq!((standing.jobs, standing.outdated), (vec![job_name("bot")], vec![job_name("bot")]));
    assert_eq!(
        harness.edge.jobs().show_envvar_states(harness.tool_id).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );

    harness.maintainer.jobs().restart(&harness.tool, &job_name("bot")).await?;
    harness.wait_for_one_running(Some(first)).await?;
    harness.wait_for_job("bot", |job| job.status.up_to_date && !job.status.envvars_changed).await?;
    // A paused job has no containers, so it is not outdated.
    harness.maintainer.jobs().pause(&harness.tool, &job_name("bot")).await?;
    harness.fakes.lock().envvars_revision += 1;
    assert!(envvars.jobs().show_envvar_states(harness.tool_id).await?.outdated.is_empty());
    harness.stop().await;
    Ok(())
}

async fn secret_sealed_for_another_job_fails_its_run_with_a_reason(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    let envvars = harness.stand.service_client(Role::Envvars)?;
    let key = envvars.jobs().fetch_sealing_key().await?;
    assert_eq!(key, harness.runtime.fake.sealing_key().await?);
    assert_eq!(harness.maintainer.jobs().fetch_sealing_key().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let name = "API_KEY".parse()?;
    let seal = |job: &str| -> Result<EnvvarSealed> {
        let job = job_name(job);
        let place = SealContext { tool: harness.tool_id, name: &name, job: Some(&job) };
        let sealed = key.seal_value(place, &Secret::new("s3cret"))?;
        Ok(EnvvarSealed { name: name.clone(), sealed })
    };
    harness.fakes.lock().sealed = vec![seal("bot")?];
    harness.create(&build_continuous_job("bot")).await?;
    harness.wait_for_one_running(None).await?;
    harness.create(&build_one_off_job("thief")).await?;
    harness.wait_for_status("thief", StatusShort::Failed).await?;
    let run = harness.list_runs("thief").await?.remove(0);
    assert_eq!(run.end, Some(RunEnd::NotStarted));
    assert!(
        run.reason.as_deref().unwrap().contains("the secret API_KEY cannot be opened in this context"),
        "{run:?}"
    );
    harness.stop().await;
    Ok(())
}

on_every_store!(
    job_with_old_envvars_is_outdated_until_its_restart,
    secret_sealed_for_another_job_fails_its_run_with_a_reason,
);
