//! Variables of tools and jobs, from `envvars`.

use std::collections::BTreeMap;

use hearth_base::{EnvvarName, JobName, Result, Role, SealedValue, Secret, ToolId};
use hearth_wire::envvars::internal::{EnvvarSealed, EnvvarsGiven, EnvvarsRevisions};

use super::PeerServices;

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

impl PeerServices {
    /// Reads the variables of a job's runs. Variables in `own`, which Hearth sets, override them.
    pub async fn read_run_envvars(
        &self,
        tool: ToolId,
        job: &JobName,
        own: &BTreeMap<String, String>,
    ) -> Result<RunEnvvars> {
        let given = self.client_for(Role::Envvars)?.envvars().list_for_run(tool, job).await?;
        let EnvvarsGiven { envvars, sealed, revision } = given;
        let mut plain: BTreeMap<String, Secret> =
            envvars.into_iter().map(|envvar| (envvar.name.to_string(), envvar.value)).collect();
        plain.extend(own.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))));
        let sealed = sealed.into_iter().map(|EnvvarSealed { name, sealed }| (name, sealed));
        let sealed = sealed.filter(|(name, _)| !own.contains_key(name.as_str())).collect();
        Ok(RunEnvvars { plain, sealed, revision })
    }

    /// Reads the current revisions of the variables of a tool's jobs.
    pub async fn read_envvar_revisions(&self, tool: ToolId) -> Result<EnvvarsRevisions> {
        self.client_for(Role::Envvars)?.envvars().show_revisions(tool).await
    }
}
