//! What a change means for what runs.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::envvars::EnvvarsScope;

use crate::stage::{Stage, of, stage};

impl Stage {
    /// Which state the variables of jobs are in: of those without own ones, of `web`, and what a run of it is told.
    async fn revisions(&self) -> Result<[String; 3]> {
        let web = "web".parse()?;
        let revisions = self.jobs.envvars().revisions(self.id).await?;
        let told = self.jobs.envvars().of_run(self.id, &web).await?.revision;
        Ok([revisions.tool.clone(), revisions.of(&web).to_owned(), told])
    }
}

async fn a_revision_changes_with_what_its_runs_have_and_with_nothing_else(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let [tool, web, told] = stage.revisions().await?;
    assert_eq!((&tool, &web), (&told, &told));
    stage.set("API_KEY", "one").await?;
    let second = stage.revisions().await?;
    assert!(second[0] != tool && second[1] == second[0] && second[2] == second[0]);
    stage.clock_on();
    stage.set("API_KEY", "one").await?;
    assert_eq!(stage.revisions().await?, second, "the same value again is no change");
    stage.set("API_KEY", "two").await?;
    let third = stage.revisions().await?;
    assert_ne!(third[0], second[0]);
    stage.clock_on();
    stage.set_of("web", "API_KEY", "webs").await?;
    let fourth = stage.revisions().await?;
    assert!(fourth[0] == third[0] && fourth[1] != third[1] && fourth[2] == fourth[1]);
    stage.clock_on();
    stage.set("API_KEY", "three").await?;
    let fifth = stage.revisions().await?;
    assert!(fifth[0] != fourth[0] && fifth[1] == fourth[1], "its own wins, so nothing changed for web");
    stage.maintainer.envvars().delete(&stage.tool, &"API_KEY".parse()?, &of("web")).await?;
    let sixth = stage.revisions().await?;
    assert!(sixth[1] == fifth[0] && sixth[2] == fifth[0]);
    Ok(())
}

async fn a_change_names_the_jobs_that_go_on_with_former_values(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    assert!(stage.set("API_KEY", "one").await?.messages.info.is_empty());
    stage.played.lock().unwrap().standing.outdated = vec!["web".parse()?];
    let said = stage.set("API_KEY", "two").await?.messages.info;
    assert!(said[0].contains("web still runs") && said[0].ends_with("hearth jobs restart web"), "{said:?}");
    let name = "API_KEY".parse()?;
    let deleted = stage.maintainer.envvars().delete(&stage.tool, &name, &EnvvarsScope::default()).await?;
    assert_eq!(deleted.messages.info, said);
    Ok(())
}

async fn a_variable_of_a_job_that_is_not_there_yet_is_kept_with_a_warning(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    assert!(stage.set_of("web", "API_KEY", "x").await?.messages.warning.is_empty());
    let warned = stage.set_of("later", "API_KEY", "x").await?.messages.warning;
    assert_eq!(warned, ["there is no job later yet: the variable waits for one of that name"]);
    assert_eq!(stage.given("later").await?.len(), 1);
    Ok(())
}

on_every_store!(
    a_revision_changes_with_what_its_runs_have_and_with_nothing_else,
    a_change_names_the_jobs_that_go_on_with_former_values,
    a_variable_of_a_job_that_is_not_there_yet_is_kept_with_a_warning,
);
