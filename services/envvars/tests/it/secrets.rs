//! Secrets: sealed on arrival, returned by no call, opened only by the runtime.

use hearth_base::{ErrorKind, Result, SealContext, Secret};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::{EnvvarCreate, EnvvarOne, EnvvarsChange, EnvvarsQuery, EnvvarsScope};
use http::Method;
use serde_json::json;

use crate::stage::{EnvvarsStage, build_envvar_create, job_scope, start_stage};

const SECRET_VALUE: &str = "correct-horse-battery-staple";

impl EnvvarsStage {
    async fn set_secret(&self, name: &str, value: &str, secret: Option<bool>) -> Result<EnvvarOne> {
        let create = EnvvarCreate { secret, ..build_envvar_create(name, value) };
        let whole = EnvvarsScope::default();
        Ok(self.maintainer.envvars().create(&self.tool, &create, &whole).await?.content)
    }

    /// Opens the secrets of a job's runs, as the runtime does.
    async fn open_run_secrets(&self, job: &str) -> Result<Vec<(String, Secret)>> {
        let variables = self.jobs.envvars().list_for_run(self.id, &job.parse()?, None).await?;
        assert!(
            !serde_json::to_string(&variables).unwrap().contains(SECRET_VALUE),
            "secrets are sealed on the wire"
        );
        let played = self.played.lock().unwrap();
        let keys = played.keys.as_ref().unwrap();
        let opened = variables.sealed.iter().map(|one| {
            let context = SealContext { tool: self.id, name: &one.name, job: one.sealed.job.as_ref() };
            Ok((one.name.to_string(), keys.open_value(context, &one.sealed)?))
        });
        opened.collect()
    }
}

async fn secret_value_is_returned_by_no_call_and_opened_by_the_runtime(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let secret = json!({"name": "API_KEY", "value": "", "secret": true});
    let body = json!({"name": "API_KEY", "value": SECRET_VALUE, "secret": true});
    let (_, made) = stage.send(Method::POST, "/envvars", Some(body)).await;
    assert_eq!(made["envvar"], secret);
    for path in ["/envvars", "/envvars?all=true", "/envvars/API_KEY"] {
        let (_, seen) = stage.send(Method::GET, path, None).await;
        assert!(seen.to_string().contains("API_KEY") && !seen.to_string().contains(SECRET_VALUE), "{seen}");
    }
    let seen = stage.list_envvars(&stage.viewer).await?.content.envvars;
    assert!(seen[0].secret && seen[0].value.expose_secret().is_empty());
    assert_eq!(stage.open_run_secrets("web").await?, [("API_KEY".to_owned(), Secret::new(SECRET_VALUE))]);
    assert!(stage.list_run_envvars("web").await?.is_empty());
    let (_, deleted) = stage.send(Method::DELETE, "/envvars/API_KEY", None).await;
    assert_eq!(deleted["envvar"], secret);
    assert!(stage.open_run_secrets("web").await?.is_empty());
    Ok(())
}

async fn secret_is_deleted_only_by_name(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set_secret("API_KEY", SECRET_VALUE, Some(true)).await?;
    stage.set_secret("PLAIN", "x", None).await?;
    let change = async |change: EnvvarsChange| {
        stage.maintainer.envvars().change_many(&stage.tool, &change, &EnvvarsScope::default()).await
    };
    let pruned = change(EnvvarsChange { prune: true, ..EnvvarsChange::default() }).await?;
    assert_eq!(pruned.content.changes.deleted, ["PLAIN".parse()?]);
    assert!(pruned.messages.warning[0].contains("kept: API_KEY"), "{:?}", pruned.messages);
    let named =
        EnvvarsChange { delete: vec!["API_KEY".parse()?, "NONE".parse()?], ..EnvvarsChange::default() };
    assert_eq!(change(named).await?.content.changes.deleted, ["API_KEY".parse()?]);
    Ok(())
}

async fn secret_stays_secret_until_it_gets_a_new_readable_value(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set_secret("API_KEY", "one", Some(true)).await?;
    // Clients without support for secrets omit the field.
    assert!(stage.set_secret("API_KEY", SECRET_VALUE, None).await?.envvar.secret);
    assert_eq!(stage.open_run_secrets("web").await?, [("API_KEY".to_owned(), Secret::new(SECRET_VALUE))]);
    let (status, _) =
        stage.send(Method::POST, "/envvars", Some(json!({"name": "API_KEY", "secret": false}))).await;
    assert_eq!(status, 400, "a secret needs a new value to become readable");
    let made = stage.set_secret("API_KEY", "plain", Some(false)).await?.envvar;
    assert_eq!((made.secret, made.value.expose_secret()), (false, "plain"));
    // An ordinary variable with the same value becomes a secret too.
    assert!(stage.set_secret("API_KEY", "plain", Some(true)).await?.envvar.secret);
    assert_eq!(stage.open_run_secrets("web").await?, [("API_KEY".to_owned(), Secret::new("plain"))]);
    Ok(())
}

async fn secret_of_a_job_is_bound_to_it_and_takes_precedence(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.set_secret("API_KEY", "tools", None).await?;
    let create = EnvvarCreate { secret: Some(true), ..build_envvar_create("API_KEY", SECRET_VALUE) };
    stage.maintainer.envvars().create(&stage.tool, &create, &job_scope("web")).await?;
    assert_eq!(stage.open_run_secrets("web").await?, [("API_KEY".to_owned(), Secret::new(SECRET_VALUE))]);
    assert!(
        stage.list_run_envvars("web").await?.is_empty() && stage.open_run_secrets("other").await?.is_empty()
    );
    assert_eq!(stage.list_run_envvars("other").await?.len(), 1);
    let variables = stage.jobs.envvars().list_for_run(stage.id, &"web".parse()?, None).await?;
    let stolen = SealContext { tool: stage.id, name: &variables.sealed[0].name, job: None };
    let played = stage.played.lock().unwrap();
    assert!(played.keys.as_ref().unwrap().open_value(stolen, &variables.sealed[0].sealed).is_err());
    Ok(())
}

async fn secret_is_not_stored_without_the_runtime(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    stage.played.lock().unwrap().keys = None;
    let refused = stage.set_secret("API_KEY", SECRET_VALUE, Some(true)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(stage.list_envvars(&stage.maintainer).await?.content.envvars.is_empty());
    stage.set_secret("API_KEY", "plain", None).await?;
    Ok(())
}

async fn start_needs_no_own_key_for_secrets(db: Db) -> Result<()> {
    let mut stage = start_stage(db).await?;
    stage.set_secret("API_KEY", SECRET_VALUE, Some(true)).await?;
    stage.stand.mount(hearth_envvars::mount).await?;
    let again = stage.stand.member(stage.id, &stage.tool, hearth_base::Access::Write)?;
    let listed = again.envvars().list(&stage.tool, &EnvvarsQuery::default()).await?.content.envvars;
    assert!(listed[0].secret);
    Ok(())
}

on_every_store!(
    secret_is_deleted_only_by_name,
    secret_value_is_returned_by_no_call_and_opened_by_the_runtime,
    secret_stays_secret_until_it_gets_a_new_readable_value,
    secret_of_a_job_is_bound_to_it_and_takes_precedence,
    secret_is_not_stored_without_the_runtime,
    start_needs_no_own_key_for_secrets,
);
