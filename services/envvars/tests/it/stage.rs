//! Test stage: the service and its callers.

use hearth_base::{Access, Entropy, Result, Role, Secret, ToolId, ToolName};
use hearth_client::Client;
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::ServiceStand;
use hearth_wire::{
    envvars::{Envvar, EnvvarCreate, EnvvarOne, EnvvarsList, EnvvarsQuery, EnvvarsScope},
    reply::Named,
    tools::Quota,
};
use jiff::Timestamp;

use crate::fake_jobs::{SharedFakeJobs, start_fake_jobs};

/// The service, a tool, and callers.
pub struct EnvvarsStage {
    pub stand: ServiceStand,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub jobs: Client,
    pub played: SharedFakeJobs,
}

/// Starts the service; each tool may have three variables.
pub async fn start_stage(db: Db) -> Result<EnvvarsStage> {
    let quota = Quota { envvars: 3, ..Quota::default() };
    let stand =
        ServiceStand::start_service(Role::Envvars, db, hearth_envvars::mount, HearthConfig::default(), quota)
            .await?;
    let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
    Ok(EnvvarsStage {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        jobs: stand.service_client(Role::Jobs)?,
        played: start_fake_jobs(&stand),
        stand,
        id,
        tool,
    })
}

/// Builds a variable.
pub fn build_envvar(name: &str, value: &str) -> Envvar {
    Envvar { name: name.parse().unwrap(), value: Secret::new(value), secret: false, job: None }
}

/// Builds a request to create or update a variable.
pub fn build_envvar_create(name: &str, value: &str) -> EnvvarCreate {
    EnvvarCreate { name: name.parse().unwrap(), value: Secret::new(value), secret: None }
}

/// Builds the scope of one job.
pub fn job_scope(job: &str) -> EnvvarsScope {
    EnvvarsScope { job: Some(job.parse().unwrap()) }
}

impl EnvvarsStage {
    /// Moves the clock forward by one second.
    pub fn advance_clock(&self) {
        self.stand.advance_clock(jiff::SignedDuration::from_secs(1));
    }

    /// Sets a variable of the whole tool, as its maintainer.
    pub async fn set(&self, name: &str, value: &str) -> Result<Named<EnvvarOne>> {
        let whole = EnvvarsScope::default();
        self.maintainer.envvars().create(&self.tool, &build_envvar_create(name, value), &whole).await
    }

    /// Sets a variable of a job, as a maintainer.
    pub async fn set_for_job(&self, job: &str, name: &str, value: &str) -> Result<Named<EnvvarOne>> {
        self.maintainer.envvars().create(&self.tool, &build_envvar_create(name, value), &job_scope(job)).await
    }

    /// Lists the variables of the whole tool.
    pub async fn list_envvars(&self, caller: &Client) -> Result<Named<EnvvarsList>> {
        caller.envvars().list(&self.tool, &EnvvarsQuery::default()).await
    }

    /// Lists names and values of the variables of a job's runs.
    pub async fn list_run_envvars(&self, job: &str) -> Result<Vec<(String, String)>> {
        let variables = self.jobs.envvars().list_for_run(self.id, &job.parse()?, None).await?.envvars;
        Ok(variables
            .into_iter()
            .map(|one| (one.name.to_string(), one.value.expose_secret().to_owned()))
            .collect())
    }
}
