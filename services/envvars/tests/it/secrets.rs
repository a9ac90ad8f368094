//! Secrets: what is sealed on arrival is read back by nobody, and opens for the runtime alone.

use hearth_base::{Kind, Result, SealedFor, Secret};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::{EnvvarCreate, EnvvarOne, EnvvarsChange, EnvvarsQuery, EnvvarsScope};
use http::Method;
use serde_json::json;

use crate::stage::{Stage, of, stage, wish};

const VALUE: &str = "correct-horse-battery-staple";

impl Stage {
    async fn put(&self, name: &str, value: &str, secret: Option<bool>) -> Result<EnvvarOne> {
        let create = EnvvarCreate { secret, ..wish(name, value) };
        let whole = EnvvarsScope::default();
        Ok(self.maintainer.envvars().create(&self.tool, &create, &whole).await?.content)
    }

    /// What the runtime makes of the secrets that runs of a job are given.
    async fn opened(&self, job: &str) -> Result<Vec<(String, Secret)>> {
        let given = self.jobs.envvars().of_run(self.id, &job.parse()?).await?;
        assert!(!serde_json::to_string(&given).unwrap().contains(VALUE), "it travels sealed");
        let played = self.played.lock().unwrap();
        let keys = played.keys.as_ref().unwrap();
        let opened = given.sealed.iter().map(|one| {
            let place = SealedFor { tool: self.id, name: &one.name, job: one.sealed.job.as_ref() };
            Ok((one.name.to_string(), keys.open(place, &one.sealed)?))
        });
        opened.collect()
    }
}

async fn no_call_answers_a_secrets_value_and_the_runtime_opens_it(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let secret = json!({"name": "API_KEY", "value": "", "secret": true});
    let body = json!({"name": "API_KEY", "value": VALUE, "secret": true});
    let (_, made) = stage.send(Method::POST, "/envvars", Some(body)).await;
    assert_eq!(made["envvar"], secret);
    for path in ["/envvars", "/envvars?all=true", "/envvars/API_KEY"] {
        let (_, seen) = stage.send(Method::GET, path, None).await;
        assert!(seen.to_string().contains("API_KEY") && !seen.to_string().contains(VALUE), "{seen}");
    }
    let seen = stage.listed(&stage.viewer).await?.content.envvars;
    assert!(seen[0].secret && seen[0].value.reveal().is_empty());
    assert_eq!(stage.opened("web").await?, [("API_KEY".to_owned(), Secret::new(VALUE))]);
    assert!(stage.given("web").await?.is_empty());
    let (_, gone) = stage.send(Method::DELETE, "/envvars/API_KEY", None).await;
    assert_eq!(gone["envvar"], secret);
    assert!(stage.opened("web").await?.is_empty());
    Ok(())
}

async fn a_secret_goes_only_by_its_name(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.put("API_KEY", VALUE, Some(true)).await?;
    stage.put("PLAIN", "x", None).await?;
    let change = async |change: EnvvarsChange| {
        stage.maintainer.envvars().change(&stage.tool, &change, &EnvvarsScope::default()).await
    };
    let pruned = change(EnvvarsChange { prune: true, ..EnvvarsChange::default() }).await?;
    assert_eq!(pruned.content.changes.deleted, ["PLAIN".parse()?]);
    assert!(pruned.messages.warning[0].contains("stay: API_KEY"), "{:?}", pruned.messages);
    let named =
        EnvvarsChange { delete: vec!["API_KEY".parse()?, "NONE".parse()?], ..EnvvarsChange::default() };
    assert_eq!(change(named).await?.content.changes.deleted, ["API_KEY".parse()?]);
    Ok(())
}

async fn a_secret_stays_one_until_a_new_value_is_given_for_all_to_read(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.put("API_KEY", "one", Some(true)).await?;
    // As clients that know nothing of secrets say it.
    assert!(stage.put("API_KEY", VALUE, None).await?.envvar.secret);
    assert_eq!(stage.opened("web").await?, [("API_KEY".to_owned(), Secret::new(VALUE))]);
    let (status, _) =
        stage.send(Method::POST, "/envvars", Some(json!({"name": "API_KEY", "secret": false}))).await;
    assert_eq!(status, 400, "without a value nothing becomes readable");
    let made = stage.put("API_KEY", "plain", Some(false)).await?.envvar;
    assert_eq!((made.secret, made.value.reveal()), (false, "plain"));
    // An ordinary one becomes a secret with the same value too.
    assert!(stage.put("API_KEY", "plain", Some(true)).await?.envvar.secret);
    assert_eq!(stage.opened("web").await?, [("API_KEY".to_owned(), Secret::new("plain"))]);
    Ok(())
}

async fn a_jobs_secret_is_bound_to_it_and_wins(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.put("API_KEY", "tools", None).await?;
    let create = EnvvarCreate { secret: Some(true), ..wish("API_KEY", VALUE) };
    stage.maintainer.envvars().create(&stage.tool, &create, &of("web")).await?;
    assert_eq!(stage.opened("web").await?, [("API_KEY".to_owned(), Secret::new(VALUE))]);
    assert!(stage.given("web").await?.is_empty() && stage.opened("other").await?.is_empty());
    assert_eq!(stage.given("other").await?.len(), 1);
    let given = stage.jobs.envvars().of_run(stage.id, &"web".parse()?).await?;
    let stolen = SealedFor { tool: stage.id, name: &given.sealed[0].name, job: None };
    let played = stage.played.lock().unwrap();
    assert!(played.keys.as_ref().unwrap().open(stolen, &given.sealed[0].sealed).is_err());
    Ok(())
}

async fn without_the_runtime_nothing_is_kept_that_was_to_be_sealed(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.played.lock().unwrap().keys = None;
    let refused = stage.put("API_KEY", VALUE, Some(true)).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert!(stage.listed(&stage.maintainer).await?.content.envvars.is_empty());
    stage.put("API_KEY", "plain", None).await?;
    Ok(())
}

async fn a_start_needs_no_key_of_its_own_for_secrets(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.put("API_KEY", VALUE, Some(true)).await?;
    stage.stand.mount(hearth_envvars::mount).await?;
    let again = stage.stand.member(stage.id, &stage.tool, hearth_base::Access::Write)?;
    let listed = again.envvars().list(&stage.tool, &EnvvarsQuery::default()).await?.content.envvars;
    assert!(listed[0].secret);
    Ok(())
}

on_every_store!(
    a_secret_goes_only_by_its_name,
    no_call_answers_a_secrets_value_and_the_runtime_opens_it,
    a_secret_stays_one_until_a_new_value_is_given_for_all_to_read,
    a_jobs_secret_is_bound_to_it_and_wins,
    without_the_runtime_nothing_is_kept_that_was_to_be_sealed,
    a_start_needs_no_key_of_its_own_for_secrets,
);
