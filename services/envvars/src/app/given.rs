//! What a run is given.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hearth_base::{EnvvarName, JobName, Result, ToolId};
use hearth_wire::envvars::internal::{EnvvarSealed, EnvvarsGiven, EnvvarsRevisions};
use sha2::{Digest, Sha256};

use crate::{
    cx::Cx,
    store::{Held, Kept},
};

/// All variables that runs of a job have: the job's own win over the tool's.
pub async fn given(cx: &Cx, tool: ToolId, job: &JobName) -> Result<EnvvarsGiven> {
    let all = cx.store.list(tool).await?;
    let chosen = of_run(&all, Some(job));
    let (mut envvars, mut sealed) = (Vec::new(), Vec::new());
    for kept in chosen.values() {
        match &kept.held {
            Held::Closed(_) => envvars.push(super::opened(cx, Kept::clone(kept))?),
            Held::Sealed(value) => {
                sealed.push(EnvvarSealed { name: kept.place.name.clone(), sealed: value.clone() });
            }
        }
    }
    Ok(EnvvarsGiven { envvars, sealed, revision: revision(&chosen) })
}

/// Which state the variables of a tool's jobs are in.
pub async fn revisions(cx: &Cx, tool: ToolId) -> Result<EnvvarsRevisions> {
    let all = cx.store.list(tool).await?;
    let jobs: BTreeSet<&JobName> = all.iter().filter_map(|kept| kept.place.job.as_ref()).collect();
    let jobs = jobs.into_iter().map(|job| (job.clone(), revision(&of_run(&all, Some(job)))));
    Ok(EnvvarsRevisions { tool: revision(&of_run(&all, None)), jobs: jobs.collect() })
}

/// By name, what runs of a job have; without one, what runs of a job without own variables have.
fn of_run<'a>(all: &'a [Kept], job: Option<&JobName>) -> BTreeMap<&'a EnvvarName, &'a Kept> {
    // The job's own come last, and stay.
    let tools = all.iter().filter(|kept| kept.place.job.is_none());
    let own = all.iter().filter(|kept| kept.place.job.is_some() && kept.place.job.as_ref() == job);
    tools.chain(own).map(|kept| (&kept.place.name, kept)).collect()
}

/// Says whether two states are the same one, and nothing of the values.
fn revision(chosen: &BTreeMap<&EnvvarName, &Kept>) -> String {
    let mut hash = Sha256::new();
    for (name, kept) in chosen {
        let job = kept.place.job.as_ref().map_or("", |job| job.as_str());
        hash.update(format!("{name}/{job}/{}\n", kept.changed.as_microsecond()));
    }
    STANDARD_NO_PAD.encode(&hash.finalize()[..12])
}
