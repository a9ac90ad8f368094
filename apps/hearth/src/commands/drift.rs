//! Differences between the jobs of a tool and its newest revision: what somebody changed by hand.

use std::collections::BTreeMap;

use hearth_base::{JobName, PageLimit, Result};
use hearth_wire::{
    components::{FieldChange, Revision, compare_jobs},
    jobs::Job,
    reply::Paging,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{job_calls::list_jobs, tool_session::ToolSession};

/// The jobs that differ from the newest revision.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevisionDrift {
    /// The number of the revision.
    pub revision: u32,
    /// The jobs that differ; jobs that are no components of the revision are not listed.
    pub jobs: Vec<JobDrift>,
}

/// A job that differs from the revision.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDrift {
    pub job: JobName,
    /// True if the job was deleted.
    pub deleted: bool,
    /// The fields with their values in the revision and now.
    pub changes: Vec<FieldChange>,
}

/// Fetches the differences; `None` without a revision.
pub async fn fetch_drift(session: &ToolSession<'_>) -> Result<Option<RevisionDrift>> {
    let paging = Paging { limit: PageLimit::new(1)?, cursor: None };
    let page =
        session.send(session.client().components().list_revisions(session.tool_name(), &paging)).await?;
    let Some(newest) = page.revisions.into_iter().next() else { return Ok(None) };
    let jobs = list_jobs(session, true).await?;
    Ok(Some(RevisionDrift { revision: newest.number, jobs: compare_with_revision(&newest, &jobs)? }))
}

/// Compares jobs, without their defaults, with a revision. One-off components are left out: their jobs may be gone.
fn compare_with_revision(revision: &Revision, jobs: &[Job]) -> Result<Vec<JobDrift>> {
    let jobs: BTreeMap<&JobName, &Job> = jobs.iter().map(|job| (&job.name, job)).collect();
    // A revision of release 0.1.0 has a part of the definition only.
    let is_complete = !revision.components.is_empty();
    let mut drift = Vec::new();
    for (name, component) in revision.list_components() {
        if !component.phase.is_main() {
            continue;
        }
        let Some(job) = jobs.get(&name) else {
            drift.push(JobDrift { job: name, deleted: true, changes: Vec::new() });
            continue;
        };
        let mut changes = compare_jobs(Some(&component.job), Some(&job.to_definition()?));
        changes.retain(|change| is_complete || change.from.is_some());
        if !changes.is_empty() {
            drift.push(JobDrift { job: name, deleted: false, changes });
        }
    }
    Ok(drift)
}

impl JobDrift {
    /// Describes the difference: `replicas is 3, was 2`.
    pub fn describe_changes(&self) -> String {
        if self.deleted {
            return "the job was deleted".to_owned();
        }
        let changes = self.changes.iter().map(|FieldChange { field, from, to }| {
            let describe = |value: &Option<Value>| match value {
                None => "not set".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            format!("{field} is {}, was {}", describe(to), describe(from))
        });
        changes.collect::<Vec<_>>().join("; ")
    }
}
