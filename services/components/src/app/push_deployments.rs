//! Deployments of pushes. A push only says that a ref has changed: its newest commit is deployed, whichever delivery came
//! last.
//!
//! All waiting pushes to one branch end together, in one transaction with the deployment:
//!
//! | state of the newest deployment of the branch | effect |
//! |---|---|
//! | queued | it resolves the branch when it starts: the pushes become part of it |
//! | none, running or ended | a new deployment, queued behind the tool's active one |
//!
//! The ref of a merge request is one of these refs: its deployment is that of a preview.

use hearth_base::{Error, ErrorKind, MandateId, Result, Role, Scopes, to_single_line};
use hearth_kit::{db::Tx, queue::TaskName, tool_state};
use hearth_wire::components::{
    DeploySource, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentState, ForgeDeliveryId,
    ForgeDeliveryOutcome, GitSource, RepositoryLinkId,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    config,
    create::{self, NewDeployment},
    mandates::end_unused_mandate,
    preview_spec,
    request::{self, DeploymentRequest},
};
use crate::{
    context::ComponentsContext,
    forge::find_merge_request,
    store::{DEPLOYMENT_ACTIVE_CODE, Deployment, StoredLink},
};

/// The task that deploys the newest commit of a pushed ref.
pub const PUSH_TASK: TaskName<PushKey> = TaskName::new("push");
/// The maximum length of a stored reason, in characters.
const MAX_REASON_CHARACTERS: usize = 500;
/// The number of queued deployments of previews from which on further ones wait outside of the queue of the tool, so that
/// pushes find a place in it.
const MAX_QUEUED_PREVIEWS: usize = 5;
/// The pause before a preview looks for a place in the queue again.
const QUEUE_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// A ref of a linked repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushKey {
    pub link: RepositoryLinkId,
    /// The ref, as in `refs/heads/main`.
    pub reference: String,
}

impl PushKey {
    /// Returns the key of its queue item: a ref may be longer than a key.
    pub fn to_item_key(&self) -> String {
        let digest = Sha256::digest(self.reference.as_bytes());
        let short: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{short}", self.link)
    }
}

/// Deploys the newest commit of a ref, for all waiting pushes to it. It returns only transient errors; with `last`, the
/// last attempt, a transient error ends the pushes too.
pub async fn deploy_push(cx: &ComponentsContext, key: &PushKey, last: bool) -> Result<()> {
    let Some(link) = cx.store.find_link(key.link).await? else { return Ok(()) };
    if join_or_delay_pushes(cx, &link, key).await? {
        return Ok(());
    }
    match start_deployment(cx, &link, key).await {
        Err(error) if error.kind().is_transient() && !last => Err(error),
        Err(error) => {
            tracing::info!(link = %link.id, code = error.code(), "push not deployed");
            fail_waiting_pushes(cx, &link, key, &error).await
        }
        Ok(()) => Ok(()),
    }
}

/// Lets waiting pushes become part of the queued deployment of their ref, or delays those of a preview that finds no place in
/// the queue. Returns false if they are to be deployed now.
async fn join_or_delay_pushes(cx: &ComponentsContext, link: &StoredLink, key: &PushKey) -> Result<bool> {
    let tx = cx.store.begin().await?;
    if tool_state::lock_tool(&tx, link.tool).await? != tool_state::ToolState::Exists {
        return Ok(true);
    }
    let newest = match cx.store.find_newest_push_deployment(&tx, link.id, &key.reference).await? {
        Some(newest) => cx.store.lock_deployment(&tx, newest).await?,
        None => None,
    };
    let queued = newest.filter(|deployment| {
        // One of a former owner would fail.
        let is_of_owner = deployment.created >= link.content.owned_since;
        is_of_owner
            && !deployment.active
            && !deployment.deleted
            && deployment.state == DeploymentState::Pending
    });
    let Some(queued) = queued else {
        if cx.store.lock_waiting_deliveries(&tx, link.id, &key.reference).await?.is_empty() {
            return Ok(true);
        }
        let is_delayed = delay_preview(cx, &tx, link, key).await?;
        tx.commit().await?;
        return Ok(is_delayed);
    };
    end_pushes(cx, &tx, key, queued.id, "a queued deployment will deploy it").await?;
    tx.commit().await?;
    Ok(true)
}

/// Runs the task again later if it deploys a preview and many previews of the tool are queued. Returns true if so; the
/// transaction, which has locked the tool, is to be committed then.
async fn delay_preview(cx: &ComponentsContext, tx: &Tx, link: &StoredLink, key: &PushKey) -> Result<bool> {
    if find_merge_request(&key.reference).is_none() {
        return Ok(false);
    }
    let queued = cx.store.lock_queued_deployments(tx, link.tool).await?;
    if queued.iter().filter(|one| one.find_preview().is_some()).count() < MAX_QUEUED_PREVIEWS {
        return Ok(false);
    }
    let due = cx.now() + QUEUE_PAUSE;
    cx.store.queue.enqueue(tx, PUSH_TASK, &key.to_item_key(), key, due).await?;
    Ok(true)
}

async fn start_deployment(cx: &ComponentsContext, link: &StoredLink, key: &PushKey) -> Result<()> {
    let by = find_owner(cx, link).await?;
    let requested = match find_merge_request(&key.reference) {
        Some(number) => preview_spec::read_preview_request(cx, link, &key.reference, number).await?,
        None => read_push_request(cx, link, key).await?,
    };
    let accounts = cx.clients.create_client(Role::Accounts)?;
    let tool_name = accounts.accounts_internal().show_tool_facts(link.tool).await?.name;
    let query = DeploymentCreateQuery::default();
    let mut new = create::prepare_deployment(cx, link.tool, &tool_name, by, requested, &query);
    new.repository_link = Some(link.id);
    let cause = format!("deployment {} of a push", new.id);
    let mandate = derive_owner_mandate(cx, link, new.select_scopes(), cause).await?;
    new.mandate = Some(mandate);
    loop {
        let is_inserted = match insert_push_deployment(cx, link, key, &new).await {
            // Another request became active after the check: queue behind it.
            Err(error) if error.code() == DEPLOYMENT_ACTIVE_CODE => continue,
            inserted => inserted,
        };
        if !matches!(is_inserted, Ok(true)) {
            end_unused_mandate(cx, mandate).await;
        }
        return is_inserted.map(|_| ());
    }
}

/// Describes the owner of a link; an error if the owner has lost the right.
async fn find_owner(cx: &ComponentsContext, link: &StoredLink) -> Result<String> {
    let owner = cx.clients.show_standing_mandate(link.mandate).await?;
    if !owner.active {
        let who = owner.owner.map_or_else(|| "its owner".to_owned(), |name| format!("its owner {name}"));
        return Err(build_suspended_error(link, &who));
    }
    Ok(owner.owner.map_or_else(|| "a push".to_owned(), |name| format!("user {name}")))
}

async fn derive_owner_mandate(
    cx: &ComponentsContext,
    link: &StoredLink,
    scopes: Scopes,
    cause: String,
) -> Result<MandateId> {
    let mandate = cx.clients.derive_mandate(link.mandate, scopes, cause).await;
    mandate.map_err(|error| match error.kind() {
        ErrorKind::Forbidden => build_suspended_error(link, "its owner"),
        _ => error,
    })
}

/// Makes a mandate of the owner of a link for one work. Error `repository-link-suspended` (forbidden).
pub async fn derive_mandate(
    cx: &ComponentsContext,
    link: &StoredLink,
    scopes: Scopes,
    cause: String,
) -> Result<MandateId> {
    find_owner(cx, link).await?;
    derive_owner_mandate(cx, link, scopes, cause).await
}

/// Reads the deployment of a pushed ref: that of the stored configuration, or without one of the repository as one
/// component.
async fn read_push_request(
    cx: &ComponentsContext,
    link: &StoredLink,
    key: &PushKey,
) -> Result<DeploymentRequest> {
    let branch = key.reference.strip_prefix("refs/heads/").unwrap_or(&key.reference);
    let stored = cx.store.find_config(link.tool).await?.map(|stored| stored.text);
    let names_components = stored.as_deref().map(config::names_components).transpose()?.unwrap_or(false);
    let environment = link.content.environment.clone();
    if let Some(environment) = environment.as_ref().filter(|_| !names_components) {
        let what = format!("the link deploys {environment}, and the tool has no stored configuration");
        return Err(Error::new(ErrorKind::Unprocessable, "no-such-environment", what)
            .help("store the configuration: hearth components config create hearth.yaml"));
    }
    let source = GitSource { url: link.repository.clone(), reference: Some(key.reference.clone()) };
    let create = DeploymentCreate {
        description: to_single_line(&format!("push to {branch}"), 200),
        source: Some(DeploySource::Git(source)),
        config: stored.filter(|_| names_components),
        environment,
        ..DeploymentCreate::default()
    };
    request::read_request(cx, link.tool, create, false).await
}

/// Inserts a deployment and ends the waiting pushes. Returns false if none waits any more, or if they are delayed.
async fn insert_push_deployment(
    cx: &ComponentsContext,
    link: &StoredLink,
    key: &PushKey,
    new: &NewDeployment,
) -> Result<bool> {
    let tx = cx.store.begin().await?;
    tool_state::lock_existing_tool(&tx, link.tool).await?;
    // The link may have been deleted, or taken over by another owner.
    let current = cx.store.lock_link(&tx, link.id).await?;
    if current.is_none_or(|current| current.mandate != link.mandate) {
        return Err(Error::unavailable("repository-link-changed", "the link was changed meanwhile"));
    }
    let waiting = cx.store.lock_waiting_deliveries(&tx, link.id, &key.reference).await?;
    if waiting.is_empty() {
        return Ok(false);
    }
    // Other previews may have taken the places since the first check.
    if delay_preview(cx, &tx, link, key).await? {
        tx.commit().await?;
        return Ok(false);
    }
    let deployment = new.clone().into_deployment();
    prolong_preview(cx, &tx, link, &deployment).await?;
    let inserted = create::insert_deployment(cx, &tx, deployment, true).await?;
    end_pushes(cx, &tx, key, inserted.id, "").await?;
    tx.commit().await?;
    Ok(true)
}

/// Sets the end of the preview that a deployment is of. An error if its merge request was closed meanwhile.
async fn prolong_preview(
    cx: &ComponentsContext,
    tx: &Tx,
    link: &StoredLink,
    deployment: &Deployment,
) -> Result<()> {
    let Some((number, end)) = deployment.find_preview().zip(deployment.find_preview_end()) else {
        return Ok(());
    };
    match cx.store.lock_preview(tx, link.tool, number).await? {
        Some(mut preview) if preview.closed_at.is_none() => {
            preview.expires_at = end;
            cx.store.save_preview(tx, &preview).await
        }
        _ => Err(Error::unavailable("preview-closed", "the merge request was closed meanwhile")),
    }
}

/// Ends the waiting pushes to a ref: the newest is deployed, and the others are part of it.
async fn end_pushes(
    cx: &ComponentsContext,
    tx: &Tx,
    key: &PushKey,
    deployment: DeploymentId,
    reason: &str,
) -> Result<()> {
    let waiting = cx.store.lock_waiting_deliveries(tx, key.link, &key.reference).await?;
    let Some((newest, older)) = waiting.split_first() else { return Ok(()) };
    let deployed = ForgeDeliveryOutcome::Deployed;
    cx.store.end_deliveries(tx, &[newest.id], deployed, reason, Some(deployment)).await?;
    let older: Vec<ForgeDeliveryId> = older.iter().map(|delivery| delivery.id).collect();
    let superseded = ForgeDeliveryOutcome::Superseded;
    let reason = "a newer push to the branch is deployed";
    cx.store.end_deliveries(tx, &older, superseded, reason, Some(deployment)).await
}

/// Ends the waiting pushes to a ref with an error.
pub async fn fail_waiting_pushes(
    cx: &ComponentsContext,
    link: &StoredLink,
    key: &PushKey,
    error: &Error,
) -> Result<()> {
    let reason =
        to_single_line(&error.public_messages().collect::<Vec<_>>().join("; "), MAX_REASON_CHARACTERS);
    let tx = cx.store.begin().await?;
    if tool_state::lock_tool(&tx, link.tool).await? != tool_state::ToolState::Exists {
        return Ok(());
    }
    let waiting = cx.store.lock_waiting_deliveries(&tx, link.id, &key.reference).await?;
    let ids: Vec<ForgeDeliveryId> = waiting.iter().map(|delivery| delivery.id).collect();
    cx.store.end_deliveries(&tx, &ids, ForgeDeliveryOutcome::Failed, &reason, None).await?;
    tx.commit().await
}

fn build_suspended_error(link: &StoredLink, who: &str) -> Error {
    let id = link.id;
    let what = format!(
        "the link is suspended: {who} may no longer change the tool; another maintainer takes it over with hearth \
         repository rotate {id}"
    );
    Error::forbidden("repository-link-suspended", what)
}
