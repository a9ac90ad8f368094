//! Variables of running jobs: outdated ones, and secrets that only the runtime opens.

use std::collections::BTreeMap;

use hearth_base::{EnvvarName, ErrorKind, Result, Role, SealContext, Secret};
use hearth_kit::db::Db;
use hearth_runtime_api::Runtime;
use hearth_testkit::on_every_store;
use hearth_wire::{
    envvars::internal::EnvvarSealed,
    jobs::{JobCreate, RunEnd, StatusShort},
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

async fn variables_of_a_job_replace_those_of_its_tool(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let read_env = |instance| {
        let workload = harness.runtime.fake.find_workload(instance)?;
        let env = workload.process.env.iter();
        let env: BTreeMap<String, String> =
            env.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
        Ok::<_, hearth_base::Error>(env)
    };
    let greet = |value: &str| Some([("GREETING".parse().unwrap(), value.to_owned())].into_iter().collect());
    harness.create(&JobCreate { variables: greet("hello"), ..build_continuous_job("bot") }).await?;
    let mut last = harness.wait_for_one_running(None).await?;
    assert_eq!(read_env(last)?["GREETING"], "hello");
    // Without variables of its own, and with a choice of none, it has none; the choice of one brings it back.
    for (envvars, greeting) in [(vec![], None), (vec!["GREETING".parse()?], Some("hi".to_owned()))] {
        let job = JobCreate { envvars: Some(envvars), ..build_continuous_job("bot") };
        harness.maintainer.jobs().delete(&harness.tool, &job_name("bot")).await?;
        harness.create(&job).await?;
        last = harness.wait_for_one_running(Some(last)).await?;
        assert_eq!(read_env(last)?.get("GREETING").cloned(), greeting);
        let components = harness.stand.service_client(Role::Components)?;
        let definitions = components.jobs().list_definitions(harness.tool_id).await?;
        assert_eq!(definitions[0].envvars, job.envvars);
    }
    let missing = JobCreate { envvars: Some(vec!["GONE".parse()?]), ..build_continuous_job("other") };
    let refused = harness.maintainer.jobs().create(&harness.tool, &missing).await.unwrap_err();
    assert_eq!((refused.code(), refused.help_text()), ("no-such-envvar", Some("hearth envvars create GONE")));
    let refused = harness.edge.jobs().list_definitions(harness.tool_id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    Ok(())
}

async fn job_with_a_time_gets_the_variables_of_then_until_its_next_definition(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let read_greeting = |instance| {
        let workload = harness.runtime.fake.find_workload(instance)?;
        Ok::<_, hearth_base::Error>(workload.process.env["GREETING"].expose_secret().to_owned())
    };
    let at = hearth_base::Clock::now(&*harness.stand.clock);
    let earlier = JobCreate { envvars_at: Some(at), ..build_continuous_job("bot") };
    harness.create(&earlier).await?;
    let first = harness.wait_for_one_running(None).await?;
    assert_eq!(read_greeting(first)?, "good day");
    // Changes of variables do not concern it.
    harness.fakes.lock().envvars_revision += 1;
    let envvars = harness.stand.service_client(Role::Envvars)?;
    assert!(envvars.jobs().show_envvar_states(harness.tool_id).await?.outdated.is_empty());
    harness.maintainer.jobs().update(&harness.tool, &build_continuous_job("bot")).await?;
    let second = harness.wait_for_one_running(Some(first)).await?;
    assert_eq!(read_greeting(second)?, "hi");
    let future = JobCreate { envvars_at: Some(at + jiff::SignedDuration::from_hours(1)), ..earlier };
    let refused = harness.maintainer.jobs().update(&harness.tool, &future).await.unwrap_err();
    assert_eq!(refused.code(), "envvars-at");
    Ok(())
}

async fn variable_with_the_name_of_a_secret_is_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let key = harness.stand.service_client(Role::Envvars)?.jobs().fetch_sealing_key().await?;
    let name: EnvvarName = "API_KEY".parse()?;
    let place = SealContext { tool: harness.tool_id, name: &name, job: None };
    let sealed = key.seal_value(place, &Secret::new("s3cret"))?;
    harness.fakes.lock().sealed = vec![EnvvarSealed { name: name.clone(), sealed }];
    let variables = Some([(name, "not-so-secret".to_owned())].into_iter().collect());
    let job = JobCreate { variables, ..build_one_off_job("a") };
    let refused = harness.maintainer.jobs().create(&harness.tool, &job).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "variable-is-secret"));
    assert!(!refused.public_message().contains("not-so-secret"), "{refused}");
    Ok(())
}

on_every_store!(
    job_with_old_envvars_is_outdated_until_its_restart,
    secret_sealed_for_another_job_fails_its_run_with_a_reason,
    variables_of_a_job_replace_those_of_its_tool,
    job_with_a_time_gets_the_variables_of_then_until_its_next_definition,
    variable_with_the_name_of_a_secret_is_refused,
);
