//! Former values: what runs get after a rollback with variables.

use std::fs;

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::{EnvvarCreate, EnvvarsChange, EnvvarsScope};
use jiff::Timestamp;

use crate::stage::{EnvvarsStage, build_envvar_create, start_stage};

impl EnvvarsStage {
    /// Returns the current time, and moves the clock on.
    fn take_time(&self) -> Timestamp {
        let now = hearth_base::Clock::now(&*self.stand.clock);
        self.advance_clock();
        now
    }

    /// Lists names and values of the variables of the runs of `web` as they were at a time.
    async fn list_values_at(&self, at: Timestamp) -> Result<Vec<(String, String)>> {
        let given = self.jobs.envvars().list_for_run(self.id, &"web".parse()?, Some(at)).await?;
        let values = given.envvars.into_iter();
        Ok(values.map(|one| (one.name.to_string(), one.value.expose_secret().to_owned())).collect())
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn runs_get_the_values_of_a_time(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set("API_KEY", "one").await?;
    stage.set_for_job("web", "LEVEL", "debug").await?;
    let first = stage.take_time();
    stage.set("API_KEY", "two").await?;
    stage.set("CREATED_LATER", "x").await?;
    let second = stage.take_time();
    stage.set_for_job("web", "LEVEL", "info").await?;
    assert_eq!(stage.list_values_at(first).await?, [pair("API_KEY", "one"), pair("LEVEL", "debug")]);
    let both = [pair("API_KEY", "two"), pair("CREATED_LATER", "x"), pair("LEVEL", "debug")];
    assert_eq!(stage.list_values_at(second).await?, both);
    assert_eq!(stage.list_run_envvars("web").await?[2], pair("LEVEL", "info"));
    Ok(())
}

async fn former_secret_stays_sealed(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let secret = |value| EnvvarCreate { secret: Some(true), ..build_envvar_create("API_KEY", value) };
    let set = async |value| {
        stage.maintainer.envvars().create(&stage.tool, &secret(value), &EnvvarsScope::default()).await
    };
    set("one").await?;
    let first = stage.take_time();
    let web = "web".parse()?;
    let before = stage.jobs.envvars().list_for_run(stage.id, &web, None).await?.sealed;
    set("two").await?;
    let then = stage.jobs.envvars().list_for_run(stage.id, &web, Some(first)).await?;
    assert_eq!((then.sealed, then.envvars.len()), (before, 0));
    Ok(())
}

async fn deletion_of_a_variable_deletes_its_former_values(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    for name in ["API_KEY", "OTHER"] {
        stage.set(name, "leaked").await?;
    }
    let first = stage.take_time();
    for name in ["API_KEY", "OTHER"] {
        stage.set(name, "new").await?;
    }
    let calls = stage.maintainer.envvars();
    calls.delete(&stage.tool, &"API_KEY".parse()?, &EnvvarsScope::default()).await?;
    let change = EnvvarsChange { delete: vec!["OTHER".parse()?], ..EnvvarsChange::default() };
    calls.change_many(&stage.tool, &change, &EnvvarsScope::default()).await?;
    for name in ["API_KEY", "OTHER"] {
        stage.set(name, "after").await?;
    }
    assert_eq!(stage.list_values_at(first).await?, []);
    Ok(())
}

async fn ten_former_values_of_a_variable_are_kept(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let mut times = Vec::new();
    for round in 0..12 {
        stage.set("API_KEY", &round.to_string()).await?;
        times.push(stage.take_time());
    }
    for (round, at) in times.iter().enumerate().skip(1) {
        assert_eq!(stage.list_values_at(*at).await?, [pair("API_KEY", &round.to_string())]);
    }
    let refused = stage.list_values_at(times[0]).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "envvar-not-kept"));
    assert!(refused.public_message().contains("API_KEY") && !refused.public_message().contains("11"));
    Ok(())
}

async fn new_key_re_encrypts_former_values(db: Db) -> Result<()> {
    let mut stage = start_stage(db).await?;
    stage.set("API_KEY", "one").await?;
    let first = stage.take_time();
    stage.set("API_KEY", "two").await?;
    let file = stage.stand.kit.state.keys_folder().join("envvars.values");
    let former = fs::read_to_string(&file).unwrap();
    let new = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    fs::write(&file, format!("{new}{former}")).unwrap();
    stage.stand.mount(hearth_envvars::mount).await?;
    fs::write(&file, new).unwrap();
    stage.stand.mount(hearth_envvars::mount).await?;
    stage.jobs = stage.stand.service_client(hearth_base::Role::Jobs)?;
    assert_eq!(stage.list_values_at(first).await?, [pair("API_KEY", "one")]);
    Ok(())
}

on_every_store!(
    runs_get_the_values_of_a_time,
    former_secret_stays_sealed,
    deletion_of_a_variable_deletes_its_former_values,
    ten_former_values_of_a_variable_are_kept,
    new_key_re_encrypts_former_values,
);
