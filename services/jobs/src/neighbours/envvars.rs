//! The tool's own variables, and those of one job.

use std::collections::BTreeMap;

use hearth_base::{EnvvarName, JobName, Result, Role, Sealed, Secret, ToolId};
use hearth_wire::envvars::internal::{EnvvarSealed, EnvvarsGiven, EnvvarsRevisions};

use super::Neighbours;

/// What a job's runs have.
#[derive(Debug)]
pub struct Given {
    /// Variables with their values.
    pub plain: BTreeMap<String, Secret>,
    /// Variables that the runtime alone opens.
    pub sealed: BTreeMap<EnvvarName, Sealed>,
    /// Which state of them this is.
    pub revision: String,
}

impl Neighbours {
    /// All variables that a job's runs have. What Hearth sets itself stays as it is.
    pub async fn envvars(
        &self,
        tool: ToolId,
        job: &JobName,
        own: &BTreeMap<String, String>,
    ) -> Result<Given> {
        let given = self.of(Role::Envvars)?.envvars().of_run(tool, job).await?;
        let EnvvarsGiven { envvars, sealed, revision } = given;
        let mut plain: BTreeMap<String, Secret> =
            envvars.into_iter().map(|envvar| (envvar.name.to_string(), envvar.value)).collect();
        plain.extend(own.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))));
        let sealed = sealed.into_iter().map(|EnvvarSealed { name, sealed }| (name, sealed));
        let sealed = sealed.filter(|(name, _)| !own.contains_key(name.as_str())).collect();
        Ok(Given { plain, sealed, revision })
    }

    /// Which state the variables of a tool's jobs are in.
    pub async fn envvar_revisions(&self, tool: ToolId) -> Result<EnvvarsRevisions> {
        self.of(Role::Envvars)?.envvars().revisions(tool).await
    }
}
