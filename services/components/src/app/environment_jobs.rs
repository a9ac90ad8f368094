//! The jobs `NAME--ENVIRONMENT` of environments.

use std::collections::BTreeMap;

use hearth_base::{EnvironmentName, Error, ErrorKind, MandateId, Result, Role};
use hearth_wire::jobs::{Job, JobsQuery};

use crate::context::ComponentsContext;

/// Deletes the jobs of an environment with a mandate. Error `no-such-environment` (not found) if it has none.
pub async fn delete_environment_jobs(
    cx: &ComponentsContext,
    mandate: MandateId,
    name: &EnvironmentName,
) -> Result<Vec<Job>> {
    let mut environments = list_environment_jobs(cx, mandate).await?;
    let Some(jobs) = environments.remove(name) else {
        let known: Vec<&str> = environments.keys().map(EnvironmentName::as_str).collect();
        let known = if known.is_empty() {
            "the tool has none".to_owned()
        } else {
            format!("expected {}", known.join(", "))
        };
        let what = format!("there is no environment {:?} with jobs; {known}", name.as_str());
        return Err(Error::new(ErrorKind::NotFound, "no-such-environment", what).help("hearth environments"));
    };
    let acting = cx.clients.create_delegated_client(Role::Jobs, mandate).await?;
    for job in &jobs {
        match acting.client.jobs().delete(&acting.tool, &job.name).await {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(jobs)
}

/// Lists the jobs of each environment with a mandate.
pub async fn list_environment_jobs(
    cx: &ComponentsContext,
    mandate: MandateId,
) -> Result<BTreeMap<EnvironmentName, Vec<Job>>> {
    let acting = cx.clients.create_delegated_client(Role::Jobs, mandate).await?;
    let jobs = match acting.client.jobs().list(&acting.tool, &JobsQuery::default()).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        jobs => jobs?,
    };
    let mut environments: BTreeMap<EnvironmentName, Vec<Job>> = BTreeMap::new();
    for job in jobs {
        // Any job may have two hyphens in its name; what follows them need not be an environment.
        if let Some(Ok(name)) = job.name.find_environment().map(str::parse::<EnvironmentName>)
            // A job of the tool may have had the name of one of a preview since before there were previews.
            && name.find_preview().is_some() == job.preview.is_some()
        {
            environments.entry(name).or_default().push(job);
        }
    }
    Ok(environments)
}
