//! Credentials of builders: tokens of the registry for builders of this Hearth, and one credential for each attempt of
//! an outside builder. They are recorded, so that the end of a build and a change of its builder revoke them.
//!
//! | event | effect |
//! |---|---|
//! | a builder of this Hearth asks with its ticket | a token of the registry, unless the lease is lost |
//! | another builder takes the build over | the tokens of the former one are revoked before it begins |
//! | the attempt or the build ends | all are revoked |

use hearth_base::{Access, BuildId, Error, Result, Role, Scope, Scopes, Secret, TokenId};
use hearth_kit::{
    db::Tx,
    log_error,
    queue::{QueueItem, TaskName},
};
use hearth_wire::{
    accounts::internal::{BuildGrant, ToolTokenCreate, ToolTokenCreated},
    builds::internal::{RegistryToken, RegistryTokenCreate},
};

use super::{build_task::BUILD_TASK, ticket::decode_ticket};
use crate::{context::BuildsContext, store::Build};

/// Task that revokes the credentials of a build that are marked as revoked.
pub const REVOKE_TASK: TaskName<BuildId> = TaskName::new("revoke-credentials");

/// Longest life of a token of the registry, in seconds.
const MAX_REGISTRY_TOKEN_SECONDS: i64 = 3600;
/// Longest life of a credential, in seconds.
const MAX_CREDENTIAL_SECONDS: i64 = 86_400;
/// Shortest life of both, in seconds.
const MIN_CREDENTIAL_SECONDS: i64 = 60;

/// Creates a token of the registry for the holder of a lease. Error `lease-lost` (conflict).
pub async fn create_registry_token(
    cx: &BuildsContext,
    id: BuildId,
    create: RegistryTokenCreate,
) -> Result<RegistryToken> {
    let item = decode_ticket(&create.ticket)?.into_item(BUILD_TASK);
    cx.store.queue.heartbeat(&item).await?;
    let build = cx.store.find_build_by_id(id).await?;
    let build = build.ok_or_else(|| Error::not_found("build", id).help("hearth build list"))?;
    check_lease_tool(&build, &item)?;
    let access = if create.push { Access::Write } else { Access::Read };
    let is_reserved = build.image_record.original_build.is_some() || build.parameters.preview.is_some();
    // The name of the image of a repetition or a preview is reserved: only a credential for this image may push to it.
    let grant = (create.push && is_reserved).then(|| build_grant(&build)).transpose()?;
    let scopes = grant.is_none().then_some(Scope::Tools(Some(Role::Images), access));
    let token = ToolTokenCreate {
        tool: build.tool,
        scopes: Scopes::from_scopes(scopes),
        life_seconds: compute_life_seconds(cx, &build, MAX_REGISTRY_TOKEN_SECONDS),
        cause: format!("{id} {}", access.name()),
        build: grant,
    };
    let ToolTokenCreated { id: token, secret, .. } =
        cx.clients.create_client(Role::Accounts)?.accounts_internal().create_tool_token(&token).await?;
    record_token(cx, id, token).await?;
    // The lease is checked once more after the record: a takeover either sees the record and revokes the token, or has
    // ended this lease before.
    if let Err(lost) = cx.store.queue.heartbeat(&item).await {
        let tx = cx.store.begin().await?;
        mark_credential_revoked(cx, &tx, id, token).await?;
        tx.commit().await?;
        return Err(lost);
    }
    Ok(RegistryToken { secret })
}

/// Refuses a ticket of another tool: its holder would get a token of this one.
fn check_lease_tool(build: &Build, item: &QueueItem<()>) -> Result<()> {
    if item.key == build.tool.to_string() {
        return Ok(());
    }
    Err(Error::invalid("ticket", "the ticket is of another tool"))
}

/// Creates the credential of an attempt of an outside builder. It is not recorded yet.
pub async fn create_credential(cx: &BuildsContext, build: &Build) -> Result<(TokenId, Secret)> {
    let create = ToolTokenCreate {
        tool: build.tool,
        scopes: Scopes::from_scopes([]),
        life_seconds: compute_life_seconds(cx, build, MAX_CREDENTIAL_SECONDS),
        cause: format!("{} by an outside builder", build.id),
        build: Some(build_grant(build)?),
    };
    let ToolTokenCreated { id, secret, .. } =
        cx.clients.create_client(Role::Accounts)?.accounts_internal().create_tool_token(&create).await?;
    Ok((id, secret))
}

/// Builds the grant of a credential that reaches only a build and its image.
fn build_grant(build: &Build) -> Result<BuildGrant> {
    Ok(BuildGrant { build: build.id, image: Some(build.parameters.image_name.parse()?) })
}

/// Computes the life of a credential: until the deadline of the build.
fn compute_life_seconds(cx: &BuildsContext, build: &Build, max_seconds: i64) -> u32 {
    let remaining = build.deadline.map_or(0, |deadline| deadline.duration_since(cx.now()).as_secs());
    u32::try_from(remaining.clamp(MIN_CREDENTIAL_SECONDS, max_seconds)).unwrap_or(u32::MAX)
}

async fn record_token(cx: &BuildsContext, build: BuildId, token: TokenId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.insert_build_token(&tx, build, token).await?;
    tx.commit().await
}

/// Marks all credentials of a build as revoked, and enqueues their revocation in the same transaction.
pub async fn mark_credentials_revoked(cx: &BuildsContext, tx: &Tx, build: BuildId) -> Result<()> {
    if cx.store.mark_build_tokens_revoked(tx, build).await? {
        cx.store.queue.enqueue(tx, REVOKE_TASK, &build.to_string(), &build, cx.now()).await?;
    }
    Ok(())
}

/// Marks one credential of a build as revoked, and enqueues its revocation: the build may have another one already.
pub async fn mark_credential_revoked(
    cx: &BuildsContext,
    tx: &Tx,
    build: BuildId,
    token: TokenId,
) -> Result<()> {
    cx.store.mark_build_token_revoked(tx, token).await?;
    cx.store.queue.enqueue(tx, REVOKE_TASK, &build.to_string(), &build, cx.now()).await
}

/// Records that an outside builder has a build no longer: the build is settled, and the credential is revoked. Does nothing
/// for other builds.
pub async fn release_outside_build(cx: &BuildsContext, tx: &Tx, build: &mut Build) -> Result<()> {
    if build.outside_builder.is_none() {
        return Ok(());
    }
    build.settled = true;
    cx.store.delete_outside_builds(tx, &[build.id]).await?;
    mark_credentials_revoked(cx, tx, build.id).await
}

/// Revokes the credentials of a build that are marked as revoked. May be repeated.
pub async fn revoke_credentials(cx: &BuildsContext, build: BuildId) -> Result<()> {
    for token in cx.store.list_revoked_build_tokens(build).await? {
        cx.clients.create_client(Role::Accounts)?.accounts_internal().revoke_tool_token(token).await?;
        let tx = cx.store.begin().await?;
        cx.store.delete_build_token(&tx, token).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Revokes the credentials of former builders before another builder begins. After an error the task repeats it.
pub async fn revoke_former_credentials(cx: &BuildsContext, build: BuildId) {
    if let Err(error) = revoke_credentials(cx, build).await {
        log_error!(&error, build = %build, "credentials of a former builder not revoked; will retry");
    }
}
