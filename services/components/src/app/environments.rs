//! Environments of a tool: the jobs `NAME--ENVIRONMENT`, whoever created them.

use std::collections::BTreeMap;

use hearth_base::{
    Access, EnvironmentName, Error, ErrorKind, MandateId, PageLimit, Result, Role, Scope, Scopes, ToolId,
};
use hearth_kit::{
    guard::{IdentityHeaders, MemberCaller},
    tool_state::lock_existing_tool,
};
use hearth_wire::{
    components::Environment,
    jobs::{Job, JobsQuery, StatusShort},
};

use super::create::end_unused_mandate;
use crate::{context::ComponentsContext, store::build_active_conflict};

/// The number of revisions among which the newest one of each environment is searched.
const SEARCHED_REVISIONS: u32 = 200;

/// Lists the environments of a tool that have jobs, by name, with the rights of the caller.
pub async fn list_environments(
    cx: &ComponentsContext,
    tool: &MemberCaller,
    shown: &IdentityHeaders,
) -> Result<Vec<Environment>> {
    let scopes = Scopes::from_scopes([Scope::Tools(Some(Role::Jobs), Access::Read)]);
    let mandate = cx.clients.create_mandate(shown, scopes, "list environments".to_owned()).await?;
    let jobs = list_environment_jobs(cx, mandate).await;
    end_unused_mandate(cx, mandate).await;
    let revisions = find_newest_revisions(cx, tool.id).await?;
    let environments = jobs?.into_iter().map(|(name, jobs)| {
        let revision = revisions.get(name.as_str()).copied();
        render_environment(cx, tool, name, &jobs, revision)
    });
    Ok(environments.collect())
}

/// Deletes the jobs of an environment, and with them its page, with the rights of the caller. Its revisions stay. Errors:
/// `no-such-environment` (not found), `deployment-active` (conflict), for a deployment may be creating these jobs.
pub async fn delete_environment(
    cx: &ComponentsContext,
    tool: &MemberCaller,
    shown: &IdentityHeaders,
    name: EnvironmentName,
) -> Result<Environment> {
    refuse_active_deployment(cx, tool.id).await?;
    let revision = find_newest_revisions(cx, tool.id).await?.get(name.as_str()).copied();
    let scopes = Scopes::from_scopes([Scope::Tools(Some(Role::Jobs), Access::Write)]);
    let mandate = cx.clients.create_mandate(shown, scopes, format!("delete environment {name}")).await?;
    let jobs = delete_environment_jobs(cx, mandate, &name).await;
    end_unused_mandate(cx, mandate).await;
    Ok(render_environment(cx, tool, name, &jobs?, revision))
}

async fn refuse_active_deployment(cx: &ComponentsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    match cx.store.lock_active_deployment(&tx, tool).await? {
        Some(_) => Err(build_active_conflict()),
        None => tx.commit().await,
    }
}

async fn delete_environment_jobs(
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

/// Lists the jobs of each environment.
async fn list_environment_jobs(
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
        if let Some(Ok(name)) = job.name.find_environment().map(str::parse::<EnvironmentName>) {
            environments.entry(name).or_default().push(job);
        }
    }
    Ok(environments)
}

/// Finds the number of the newest revision of each environment.
async fn find_newest_revisions(cx: &ComponentsContext, tool: ToolId) -> Result<BTreeMap<String, u32>> {
    let page = cx.store.list_revisions(tool, PageLimit::new(SEARCHED_REVISIONS)?, None).await?;
    let mut newest = BTreeMap::new();
    for revision in page.items {
        if let Some(environment) = revision.environment {
            newest.entry(environment).or_insert(revision.number);
        }
    }
    Ok(newest)
}

fn render_environment(
    cx: &ComponentsContext,
    tool: &MemberCaller,
    name: EnvironmentName,
    jobs: &[Job],
    revision: Option<u32>,
) -> Environment {
    let page = jobs.iter().find(|job| job.publish == Some(true));
    let failed = jobs.iter().find(|job| job.status.short == StatusShort::Failed);
    let shown = page.or(failed).or(jobs.first());
    Environment {
        url: page.map(|_| cx.build_page_url(&tool.name, Some(&name))),
        revision,
        status: shown.map(|job| job.status_short.clone()).unwrap_or_default(),
        jobs: jobs.iter().map(|job| job.name.clone()).collect(),
        name,
    }
}
