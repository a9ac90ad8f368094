//! Effects of changes on running jobs.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::EnvvarsScope;

use crate::stage::{EnvvarsStage, job_scope, start_stage};

impl EnvvarsStage {
    /// Returns the state hashes of jobs without own variables and of `web`, and the hash for a run of `web`.
    async fn state_hashes(&self) -> Result<[String; 3]> {
        let web = "web".parse()?;
        let revisions = self.jobs.envvars().show_revisions(self.id).await?;
        let run_hash = self.jobs.envvars().list_for_run(self.id, &web, None).await?.revision;
        Ok([revisions.tool.clone(), revisions.revision_for_job(&web).to_owned(), run_hash])
    }
}

async fn state_hash_changes_with_the_variables_of_its_runs_only(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    let [tool, web, run_hash] = stage.state_hashes().await?;
    assert_eq!((&tool, &web), (&run_hash, &run_hash));
    stage.set("API_KEY", "one").await?;
    let second = stage.state_hashes().await?;
    assert!(second[0] != tool && second[1] == second[0] && second[2] == second[0]);
    stage.advance_clock();
    stage.set("API_KEY", "one").await?;
    assert_eq!(stage.state_hashes().await?, second, "setting the same value is no change");
    stage.set("API_KEY", "two").await?;
    let third = stage.state_hashes().await?;
    assert_ne!(third[0], second[0]);
    stage.advance_clock();
    stage.set_for_job("web", "API_KEY", "webs").await?;
    let fourth = stage.state_hashes().await?;
    assert!(fourth[0] == third[0] && fourth[1] != third[1] && fourth[2] == fourth[1]);
    stage.advance_clock();
    stage.set("API_KEY", "three").await?;
    let fifth = stage.state_hashes().await?;
    assert!(
        fifth[0] != fourth[0] && fifth[1] == fourth[1],
        "the job's own value takes precedence, so nothing changed for web"
    );
    stage.maintainer.envvars().delete(&stage.tool, &"API_KEY".parse()?, &job_scope("web")).await?;
    let sixth = stage.state_hashes().await?;
    assert!(sixth[1] == fifth[0] && sixth[2] == fifth[0]);
    Ok(())
}

async fn change_names_the_jobs_with_outdated_variables(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    assert!(stage.set("API_KEY", "one").await?.messages.info.is_empty());
    stage.played.lock().unwrap().standing.outdated = vec!["web".parse()?];
    let notes = stage.set("API_KEY", "two").await?.messages.info;
    assert!(
        notes[0].contains("web still runs") && notes[0].ends_with("hearth jobs restart web"),
        "{notes:?}"
    );
    let name = "API_KEY".parse()?;
    let deleted = stage.maintainer.envvars().delete(&stage.tool, &name, &EnvvarsScope::default()).await?;
    assert_eq!(deleted.messages.info, notes);
    Ok(())
}

async fn variable_of_a_missing_job_is_stored_with_a_warning(db: Db) -> Result<()> {
    let stage = start_stage(db).await?;
    assert!(stage.set_for_job("web", "API_KEY", "x").await?.messages.warning.is_empty());
    let warned = stage.set_for_job("later", "API_KEY", "x").await?.messages.warning;
    assert_eq!(warned, ["the job later does not exist yet; the variable will apply to a job of that name"]);
    assert_eq!(stage.list_run_envvars("later").await?.len(), 1);
    Ok(())
}

on_every_store!(
    state_hash_changes_with_the_variables_of_its_runs_only,
    change_names_the_jobs_with_outdated_variables,
    variable_of_a_missing_job_is_stored_with_a_warning,
);
