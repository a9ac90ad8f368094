//! Deployments of pushes. A push only says that a ref has changed: its newest commit is deployed, whichever delivery came
//! last.
//!
//! All waiting pushes to one branch end together, in one transaction with the deployment:
//!
//! | state of the newest deployment of the branch | effect |
//! |---|---|
//! | queued | it resolves the branch when it starts: the pushes become part of it |
//! | none, running or ended | a new deployment, queued behind the tool's active one |

use hearth_base::{Error, ErrorKind, Result, Role, to_single_line};
use hearth_kit::{db::Tx, queue::TaskName, tool_state};
use hearth_wire::components::{
    DeploySource, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentState, ForgeDeliveryId,
    ForgeDeliveryOutcome, GitSource, RepositoryLinkId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    config,
    create::{self, NewDeployment},
    request::{self, DeploymentRequest},
};
use crate::{
    context::ComponentsContext,
    store::{DEPLOYMENT_ACTIVE_CODE, StoredLink},
};

/// The task that deploys the newest commit of a pushed ref.
pub const PUSH_TASK: TaskName<PushKey> = TaskName::new("push");
/// The maximum length of a stored reason, in characters.
const MAX_REASON_CHARACTERS: usize = 500;

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
    if join_queued_deployment(cx, &link, key).await? {
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

/// Lets waiting pushes become part of the queued deployment of their ref. Returns true if no push waits any more.
async fn join_queued_deployment(cx: &ComponentsContext, link: &StoredLink, key: &PushKey) -> Result<bool> {
    let tx = cx.store.begin().await?;
    if tool_state::lock_tool(&tx, link.tool).await? != tool_state::ToolState::Exists {
        return Ok(true);
    }
    let Some(newest) = cx.store.find_newest_push_deployment(&tx, link.id, &key.reference).await? else {
        let waiting = cx.store.lock_waiting_deliveries(&tx, link.id, &key.reference).await?;
        return Ok(waiting.is_empty());
    };
    let queued = cx.store.lock_deployment(&tx, newest).await?.filter(|deployment| {
        // One of a former owner would fail.
        let is_of_owner = deployment.created >= link.content.owned_since;
        is_of_owner
            && !deployment.active
            && !deployment.deleted
            && deployment.state == DeploymentState::Pending
    });
    let Some(queued) = queued else {
        let waiting = cx.store.lock_waiting_deliveries(&tx, link.id, &key.reference).await?;
        return Ok(waiting.is_empty());
    };
    end_pushes(cx, &tx, key, queued.id, "a queued deployment will deploy it").await?;
    tx.commit().await?;
    Ok(true)
}

async fn start_deployment(cx: &ComponentsContext, link: &StoredLink, key: &PushKey) -> Result<()> {
    let owner = cx.clients.show_standing_mandate(link.mandate).await?;
    if !owner.active {
        let who = owner.owner.map_or_else(|| "its owner".to_owned(), |name| format!("its owner {name}"));
        return Err(build_suspended_error(link, &who));
    }
    let by = owner.owner.map_or_else(|| "a push".to_owned(), |name| format!("user {name}"));
    let requested = read_push_request(cx, link, key).await?;
    let accounts = cx.clients.create_client(Role::Accounts)?;
    let tool_name = accounts.accounts_internal().show_tool_facts(link.tool).await?.name;
    let query = DeploymentCreateQuery::default();
    let mut new = create::prepare_deployment(cx, link.tool, &tool_name, by, requested, &query);
    new.repository_link = Some(link.id);
    let cause = format!("deployment {} of a push", new.id);
    let mandate = cx.clients.derive_mandate(link.mandate, new.select_scopes(), cause).await;
    let mandate = mandate.map_err(|error| match error.kind() {
        ErrorKind::Forbidden => build_suspended_error(link, "its owner"),
        _ => error,
    })?;
    new.mandate = Some(mandate);
    loop {
        let is_inserted = match insert_push_deployment(cx, link, key, &new).await {
            // Another request became active after the check: queue behind it.
            Err(error) if error.code() == DEPLOYMENT_ACTIVE_CODE => continue,
            inserted => inserted,
        };
        if !matches!(is_inserted, Ok(true)) {
            create::end_unused_mandate(cx, mandate).await;
        }
        return is_inserted.map(|_| ());
    }
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

/// Inserts a deployment and ends the waiting pushes. Returns false if none waits any more.
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
    let inserted = create::insert_deployment(cx, &tx, new.clone().into_deployment(), true).await?;
    end_pushes(cx, &tx, key, inserted.id, "").await?;
    tx.commit().await?;
    Ok(true)
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

async fn fail_waiting_pushes(
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
