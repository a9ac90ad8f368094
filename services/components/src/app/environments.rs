//! Environments of a tool: the jobs `NAME--ENVIRONMENT`, whoever created them.

use std::collections::BTreeMap;

use hearth_base::{
    Access, EnvironmentName, ErrorKind, PageLimit, PreviewNumber, Result, Role, Scope, Scopes, ToolId,
};
use hearth_kit::{
    guard::{IdentityHeaders, MemberCaller},
    tool_state::lock_existing_tool,
};
use hearth_wire::{
    components::Environment,
    jobs::{Job, StatusShort},
};

use super::{
    environment_jobs::{delete_environment_jobs, list_environment_jobs},
    mandates::end_unused_mandate,
    preview_removal::forget_preview,
};
use crate::{
    context::ComponentsContext,
    store::{StoredPreview, build_active_conflict},
};

/// The number of revisions among which the newest one of each environment is searched.
const SEARCHED_REVISIONS: u32 = 200;

/// Lists the environments of a tool that have jobs, and its previews, by name, with the rights of the caller.
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
    let mut all = jobs?;
    let previews = list_live_previews(cx, tool.id).await?;
    for number in previews.keys() {
        all.entry(EnvironmentName::from_preview(*number)).or_default();
    }
    let environments = all.into_iter().map(|(name, jobs)| {
        let revision = revisions.get(name.as_str()).copied();
        let preview = name.find_preview().and_then(|number| previews.get(&number));
        render_environment(cx, tool, name, &jobs, revision, preview)
    });
    Ok(environments.collect())
}

/// Deletes the jobs of an environment, and with them its page, with the rights of the caller. Its revisions stay. A preview
/// is made again by the next commit. Errors: `no-such-environment` (not found), `deployment-active` (conflict), for a
/// deployment may be creating these jobs.
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
    let Some(number) = name.find_preview() else {
        return Ok(render_environment(cx, tool, name, &jobs?, revision, None));
    };
    let preview = cx.store.find_preview(tool.id, number).await?;
    let jobs = match jobs {
        // Its deployment has not succeeded.
        Err(error) if error.kind() == ErrorKind::NotFound && preview.is_some() => Vec::new(),
        jobs => jobs?,
    };
    forget_preview(cx, tool.id, number).await?;
    Ok(render_environment(cx, tool, name, &jobs, revision, preview.as_ref()))
}

async fn refuse_active_deployment(cx: &ComponentsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    match cx.store.lock_active_deployment(&tx, tool).await? {
        Some(_) => Err(build_active_conflict()),
        None => tx.commit().await,
    }
}

/// Lists the previews of a tool whose merge requests are open.
async fn list_live_previews(
    cx: &ComponentsContext,
    tool: ToolId,
) -> Result<BTreeMap<PreviewNumber, StoredPreview>> {
    let (all, now) = (cx.store.list_previews(tool).await?, cx.now());
    Ok(all.into_iter().filter(|one| one.is_live(now)).map(|one| (one.number, one)).collect())
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
    preview: Option<&StoredPreview>,
) -> Environment {
    // A deployment of a preview that is still to come prolongs it; until then, its jobs say when they end.
    let of_jobs = jobs.iter().filter_map(|job| Some(job.preview?.expires)).max();
    let expires = of_jobs.or(preview.map(|preview| preview.expires_at));
    let page = jobs.iter().find(|job| job.publish == Some(true));
    let failed = jobs.iter().find(|job| job.status.short == StatusShort::Failed);
    let shown = page.or(failed).or(jobs.first());
    Environment {
        url: page.map(|_| cx.build_page_url(&tool.name, Some(&name))),
        revision,
        expires,
        status: shown.map_or_else(|| "Not deployed".to_owned(), |job| job.status_short.clone()),
        jobs: jobs.iter().map(|job| job.name.clone()).collect(),
        name,
    }
}
