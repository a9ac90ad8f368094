//! The service and those who call it.

use hearth_base::{Access, Entropy, Result, Role, Secret, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::Stand;
use hearth_wire::{
    envvars::{Envvar, EnvvarCreate, EnvvarOne, EnvvarsList, EnvvarsQuery, EnvvarsScope},
    reply::Named,
    tools::Quota,
};
use jiff::Timestamp;

use crate::neighbours::{Played, play};

/// The service, a tool, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub jobs: Client,
    pub played: Played,
}

/// Each tool may have three variables.
pub async fn stage(db: Db) -> Result<Stage> {
    let quota = Quota { envvars: 3, ..Quota::default() };
    let stand = Stand::of(Role::Envvars, db, hearth_envvars::mount, Config::default(), quota).await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    Ok(Stage {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        jobs: stand.service(Role::Jobs)?,
        played: play(&stand),
        stand,
        id,
        tool,
    })
}

/// A variable.
pub fn envvar(name: &str, value: &str) -> Envvar {
    Envvar { name: name.parse().unwrap(), value: Secret::new(value), secret: false, job: None }
}

/// A variable as it is to be.
pub fn wish(name: &str, value: &str) -> EnvvarCreate {
    EnvvarCreate { name: name.parse().unwrap(), value: Secret::new(value), secret: None }
}

/// The variables of one job.
pub fn of(job: &str) -> EnvvarsScope {
    EnvvarsScope { job: Some(job.parse().unwrap()) }
}

impl Stage {
    /// Some time goes by.
    pub fn clock_on(&self) {
        self.stand.passes(jiff::SignedDuration::from_secs(1));
    }

    /// The maintainer sets a variable of the whole tool.
    pub async fn set(&self, name: &str, value: &str) -> Result<Named<EnvvarOne>> {
        let whole = EnvvarsScope::default();
        self.maintainer.envvars().create(&self.tool, &wish(name, value), &whole).await
    }

    /// The maintainer sets a variable of a job.
    pub async fn set_of(&self, job: &str, name: &str, value: &str) -> Result<Named<EnvvarOne>> {
        self.maintainer.envvars().create(&self.tool, &wish(name, value), &of(job)).await
    }

    /// The variables of the whole tool.
    pub async fn listed(&self, caller: &Client) -> Result<Named<EnvvarsList>> {
        caller.envvars().list(&self.tool, &EnvvarsQuery::default()).await
    }

    /// Names and values that runs of a job have.
    pub async fn given(&self, job: &str) -> Result<Vec<(String, String)>> {
        let given = self.jobs.envvars().of_run(self.id, &job.parse()?).await?.envvars;
        Ok(given.into_iter().map(|one| (one.name.to_string(), one.value.reveal().to_owned())).collect())
    }
}
