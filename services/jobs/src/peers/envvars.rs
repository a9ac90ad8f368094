//! Variables of tools and jobs, from `envvars`.

use std::collections::BTreeMap;

use hearth_base::{EnvvarName, Error, ErrorKind, JobName, Result, Role, SealedValue, Secret, ToolId};
use hearth_wire::envvars::internal::{EnvvarSealed, EnvvarsGiven, EnvvarsRevisions};
use jiff::Timestamp;

use super::PeerServices;
use crate::store::{JobSpec, WorkloadPlan};

/// The variables of a job's runs.
#[derive(Debug)]
pub struct RunEnvvars {
    /// Variables with their values.
    pub plain: BTreeMap<String, Secret>,
    /// Sealed variables, which only the runtime can open.
    pub sealed: BTreeMap<EnvvarName, SealedValue>,
    /// The revision of all of them.
    pub revision: String,
}

impl RunEnvvars {
    /// Compares the variables of a job with those of its tool. Errors: `variable-is-secret` (conflict) if one of its own
    /// has the name of a secret; `no-such-envvar` (unprocessable) if it names one that does not exist.
    pub fn check_job(&self, job: &JobSpec) -> Result<()> {
        let variables = job.variables.clone().unwrap_or_default();
        if let Some(name) = variables.as_map().keys().find(|name| self.sealed.contains_key(*name)) {
            let what = format!("variable {name} of job {} has the name of a secret of the tool", job.name);
            let help = format!(
                "leave {name} out of variables: runs get the secret; or delete that: hearth envvars delete {name}"
            );
            return Err(Error::conflict("variable-is-secret", what).help(help));
        }
        self.check_chosen(&job.name, job.envvars.as_deref())
    }

    /// Checks that the variables that a job names exist. Error `no-such-envvar` (unprocessable).
    fn check_chosen(&self, job: &JobName, chosen: Option<&[EnvvarName]>) -> Result<()> {
        let exists =
            |name: &EnvvarName| self.plain.contains_key(name.as_str()) || self.sealed.contains_key(name);
        match chosen.unwrap_or_default().iter().find(|name| !exists(name)) {
            None => Ok(()),
            Some(name) => {
                let what = format!("job {job} names the variable {name}, which the tool does not have");
                Err(Error::new(ErrorKind::Unprocessable, "no-such-envvar", what)
                    .help(format!("hearth envvars create {name}")))
            }
        }
    }
}

impl PeerServices {
    /// Reads the tool's variables for a job: all of them, with the job's own, and with a time the values of then. Error
    /// `envvar-not-kept` (conflict) for a value that is not kept any more.
    pub async fn read_tool_envvars(
        &self,
        tool: ToolId,
        job: &JobName,
        at: Option<Timestamp>,
    ) -> Result<RunEnvvars> {
        let given = self.client_for(Role::Envvars)?.envvars().list_for_run(tool, job, at).await?;
        let EnvvarsGiven { envvars, sealed, revision } = given;
        let plain = envvars.into_iter().map(|envvar| (envvar.name.to_string(), envvar.value)).collect();
        let sealed = sealed.into_iter().map(|EnvvarSealed { name, sealed }| (name, sealed)).collect();
        Ok(RunEnvvars { plain, sealed, revision })
    }

    /// Reads the variables of a workload's runs: those of the tool that the plan names, which the plan's own override.
    /// Error `no-such-envvar` (unprocessable) if one that it names does not exist.
    pub async fn read_run_envvars(&self, tool: ToolId, plan: &WorkloadPlan) -> Result<RunEnvvars> {
        let mut given = self.read_tool_envvars(tool, &plan.job, plan.envvars_at).await?;
        given.check_chosen(&plan.job, plan.envvars.as_deref())?;
        let is_chosen = |name: &str| match &plan.envvars {
            Some(chosen) => chosen.iter().any(|one| one.as_str() == name),
            None => true,
        };
        given.plain.retain(|name, _| is_chosen(name));
        given.sealed.retain(|name, _| is_chosen(name.as_str()) && !plan.env.contains_key(name.as_str()));
        given.plain.extend(plan.env.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))));
        Ok(given)
    }

    /// Reads the current revisions of the variables of a tool's jobs.
    pub async fn read_envvar_revisions(&self, tool: ToolId) -> Result<EnvvarsRevisions> {
        self.client_for(Role::Envvars)?.envvars().show_revisions(tool).await
    }
}
