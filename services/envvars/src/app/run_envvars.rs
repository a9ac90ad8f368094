//! Variables of runs.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hearth_base::{EnvvarName, Error, JobName, Result, ToolId};
use hearth_wire::envvars::internal::{EnvvarSealed, EnvvarsGiven, EnvvarsRevisions};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    context::EnvvarsContext,
    store::{StoredEnvvar, StoredValue},
};

/// Lists all variables of a job's runs: the job's own take precedence over the tool's. With a time, they have the values
/// that they had then: `envvar-not-kept` (conflict) if one of them is not kept any more.
pub async fn list_for_run(
    cx: &EnvvarsContext,
    tool: ToolId,
    job: &JobName,
    at: Option<Timestamp>,
) -> Result<EnvvarsGiven> {
    let mut all = cx.store.list(tool).await?;
    all.retain(|stored| stored.key.job.as_ref().is_none_or(|owner| owner == job));
    if let Some(at) = at {
        all = select_values_at(all, &cx.store.list_former_values(tool, at).await?, at)?;
    }
    let chosen = select_for_job(&all, Some(job));
    let (mut envvars, mut sealed) = (Vec::new(), Vec::new());
    for stored in chosen.values() {
        match &stored.value {
            StoredValue::Encrypted(_) => envvars.push(super::open_envvar(cx, StoredEnvvar::clone(stored))?),
            StoredValue::Sealed(value) => {
                sealed.push(EnvvarSealed { name: stored.key.name.clone(), sealed: value.clone() });
            }
        }
    }
    Ok(EnvvarsGiven { envvars, sealed, revision: compute_revision(&chosen) })
}

/// Selects the values of variables at a time. A variable that was created later is left out, and so is one that was deleted
/// since: its values are deleted with it.
fn select_values_at(
    current: Vec<StoredEnvvar>,
    former: &[StoredEnvvar],
    at: Timestamp,
) -> Result<Vec<StoredEnvvar>> {
    let mut selected = Vec::new();
    for stored in current {
        let of_variable = former.iter().filter(|one| one.key == stored.key);
        match of_variable.max_by_key(|one| one.changed) {
            _ if stored.changed <= at => selected.push(stored),
            Some(value) => selected.push(value.clone()),
            None if stored.created.is_some_and(|created| created > at) => {}
            None => {
                let what = format!("the value that {} had at {at:.0} is not kept any more", stored.key.name);
                return Err(Error::conflict("envvar-not-kept", what)
                    .help("roll back with the variables as they are now: hearth rollback REVISION"));
            }
        }
    }
    Ok(selected)
}

/// Computes the state hashes of the variables of a tool's jobs.
pub async fn compute_revisions(cx: &EnvvarsContext, tool: ToolId) -> Result<EnvvarsRevisions> {
    let all = cx.store.list(tool).await?;
    let jobs: BTreeSet<&JobName> = all.iter().filter_map(|stored| stored.key.job.as_ref()).collect();
    let jobs = jobs.into_iter().map(|job| (job.clone(), compute_revision(&select_for_job(&all, Some(job)))));
    Ok(EnvvarsRevisions { tool: compute_revision(&select_for_job(&all, None)), jobs: jobs.collect() })
}

/// Selects the variables of a job's runs by name; without a job, those of jobs without variables of their
/// own.
fn select_for_job<'a>(
    all: &'a [StoredEnvvar],
    job: Option<&JobName>,
) -> BTreeMap<&'a EnvvarName, &'a StoredEnvvar> {
    // The job's own variables come last and replace the tool's.
    let tools = all.iter().filter(|stored| stored.key.job.is_none());
    let own = all.iter().filter(|stored| stored.key.job.is_some() && stored.key.job.as_ref() == job);
    tools.chain(own).map(|stored| (&stored.key.name, stored)).collect()
}

/// Hashes names and times of change, never values: equal hashes mean equal states.
fn compute_revision(chosen: &BTreeMap<&EnvvarName, &StoredEnvvar>) -> String {
    let mut hash = Sha256::new();
    for (name, stored) in chosen {
        let job = stored.key.job.as_ref().map_or("", |job| job.as_str());
        hash.update(format!("{name}/{job}/{}\n", stored.changed.as_microsecond()));
    }
    STANDARD_NO_PAD.encode(&hash.finalize()[..12])
}
