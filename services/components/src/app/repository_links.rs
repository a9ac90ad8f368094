//! Links between a tool and a repository: creation, changes, rotation of the secret, deletion.
//!
//! A link has an owner: a standing mandate of the maintainer who created it or replaced its secret last. When that person
//! loses the right, pushes deploy nothing until another maintainer replaces the secret. Both belong together, because the
//! owner knows the secret.

use hearth_base::{Access, Error, MandateId, Result, Role, Scope, Scopes, Secret, ToolId, check_plain_text};
use hearth_kit::{
    db::Tx,
    guard::{IdentityHeaders, MemberCaller},
    tool_state::lock_existing_tool,
};
use hearth_wire::{
    accounts::internal::StandingMandate,
    components::{
        RepositoryLink, RepositoryLinkCreate, RepositoryLinkId, RepositoryLinkPatch, RepositoryLinkSecret,
    },
};

use super::config::{PRODUCTION_ENVIRONMENT, check_environment_name};
use crate::{
    context::ComponentsContext,
    forge::{PathPattern, parse_repository},
    store::{LinkContent, StoredLink},
};

/// The maximum number of links of a tool.
const MAX_LINKS_PER_TOOL: u64 = 20;
/// The maximum number of patterns of branches, and of files.
const MAX_PATTERNS: usize = 20;
/// The maximum length of a status token, in characters.
const MAX_TOKEN_CHARACTERS: usize = 500;
/// The prefix of secrets of webhooks.
const SECRET_PREFIX: &str = "hfs_";

/// Lists the scopes of the standing mandate: what the steps of a deployment need.
fn list_scopes() -> Scopes {
    Scopes::from_scopes([Role::Builds, Role::Jobs].map(|role| Scope::Tools(Some(role), Access::Write)))
}

/// Links a repository. The secret of its webhook is returned only here.
pub async fn create_link(
    cx: &ComponentsContext,
    tool: &MemberCaller,
    shown: &IdentityHeaders,
    create: RepositoryLinkCreate,
) -> Result<RepositoryLinkSecret> {
    let RepositoryLinkCreate { forge, repository, branches, paths, environment, previews, status_token } =
        create;
    parse_repository(&repository)?;
    check_branches(&branches)?;
    check_paths(&paths)?;
    let environment = read_environment(environment)?;
    let id: RepositoryLinkId = cx.generate_id();
    let owner = create_owner(cx, shown, id, &repository).await?;
    let (secret, sealed) = create_secret(cx, tool.id, id)?;
    let created = cx.now();
    let content =
        LinkContent { branches, paths, environment, previews, owned_since: created, status_problem: None };
    let mut link = StoredLink {
        id,
        tool: tool.id,
        forge,
        repository,
        mandate: owner.id,
        secret: sealed,
        status_token: None,
        created,
        content,
    };
    let stored = async {
        seal_status_token(cx, &mut link, status_token)?;
        insert_link(cx, &link).await
    };
    if let Err(error) = stored.await {
        end_owner(cx, owner.id).await;
        return Err(error);
    }
    Ok(RepositoryLinkSecret { link: render_link(cx, &link, &owner), secret })
}

async fn insert_link(cx: &ComponentsContext, link: &StoredLink) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, link.tool).await?;
    if cx.store.count_links(&tx, link.tool).await? >= MAX_LINKS_PER_TOOL {
        let what = format!("the tool has {MAX_LINKS_PER_TOOL} linked repositories; more are not allowed");
        return Err(Error::conflict("repository-links", what).help("hearth repository unlink LINK"));
    }
    cx.store.save_link(&tx, link).await?;
    tx.commit().await
}

/// Finds a link of a tool.
pub async fn find_link(cx: &ComponentsContext, tool: ToolId, id: RepositoryLinkId) -> Result<StoredLink> {
    let found = cx.store.find_link(id).await?.filter(|link| link.tool == tool);
    found.ok_or_else(|| build_missing_error(id))
}

/// Shows a link with its owner.
pub async fn show_link(cx: &ComponentsContext, link: &StoredLink) -> Result<RepositoryLink> {
    Ok(render_link(cx, link, &find_owner(cx, link.mandate).await?))
}

/// Changes a link.
pub async fn update_link(
    cx: &ComponentsContext,
    tool: ToolId,
    id: RepositoryLinkId,
    patch: RepositoryLinkPatch,
) -> Result<RepositoryLink> {
    let RepositoryLinkPatch { branches, paths, environment, previews, status_token } = patch;
    branches.as_deref().map_or(Ok(()), check_branches)?;
    paths.as_deref().map_or(Ok(()), check_paths)?;
    let (tx, mut link) = lock_link(cx, tool, id).await?;
    link.content.branches = branches.unwrap_or(link.content.branches);
    link.content.paths = paths.unwrap_or(link.content.paths);
    link.content.previews = previews.unwrap_or(link.content.previews);
    if environment.is_some() {
        link.content.environment = read_environment(environment)?;
    }
    seal_status_token(cx, &mut link, status_token)?;
    cx.store.save_link(&tx, &link).await?;
    tx.commit().await?;
    show_link(cx, &link).await
}

/// Replaces the secret of a link's webhook, and makes the caller its owner. The former secret is refused at once.
pub async fn replace_secret(
    cx: &ComponentsContext,
    tool: ToolId,
    id: RepositoryLinkId,
    shown: &IdentityHeaders,
) -> Result<RepositoryLinkSecret> {
    let former = find_link(cx, tool, id).await?;
    let owner = create_owner(cx, shown, id, &former.repository).await?;
    let replaced = async {
        let (secret, sealed) = create_secret(cx, tool, id)?;
        let (tx, mut link) = lock_link(cx, tool, id).await?;
        let former = std::mem::replace(&mut link.mandate, owner.id);
        link.secret = sealed;
        link.content.owned_since = cx.now();
        cx.store.save_link(&tx, &link).await?;
        tx.commit().await?;
        Ok((link, secret, former))
    };
    match replaced.await {
        Ok((link, secret, former)) => {
            end_owner(cx, former).await;
            Ok(RepositoryLinkSecret { link: render_link(cx, &link, &owner), secret })
        }
        Err(error) => {
            end_owner(cx, owner.id).await;
            Err(error)
        }
    }
}

/// Deletes a link and its delivery log. Deployments that it has started continue.
pub async fn delete_link(cx: &ComponentsContext, tool: ToolId, id: RepositoryLinkId) -> Result<()> {
    let (tx, link) = lock_link(cx, tool, id).await?;
    cx.store.delete_link_deliveries(&tx, id).await?;
    cx.store.delete_link(&tx, id).await?;
    tx.commit().await?;
    end_owner(cx, link.mandate).await;
    Ok(())
}

async fn lock_link(cx: &ComponentsContext, tool: ToolId, id: RepositoryLinkId) -> Result<(Tx, StoredLink)> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    let found = cx.store.lock_link(&tx, id).await?.filter(|link| link.tool == tool);
    found.map(|link| (tx, link)).ok_or_else(|| build_missing_error(id))
}

fn create_secret(
    cx: &ComponentsContext,
    tool: ToolId,
    id: RepositoryLinkId,
) -> Result<(Secret, hearth_kit::vault::EncryptedValue)> {
    let bytes = cx.entropy.generate_bytes::<32>();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = Secret::new(format!("{SECRET_PREFIX}{hex}"));
    let sealed = cx.vault.encrypt_value(StoredLink::format_secret_place(tool, id), &secret)?;
    Ok((secret, sealed))
}

/// Seals a new status token; an empty one deletes the stored one.
fn seal_status_token(cx: &ComponentsContext, link: &mut StoredLink, token: Option<Secret>) -> Result<()> {
    let Some(token) = token else { return Ok(()) };
    link.content.status_problem = None;
    let text = token.expose_secret();
    if text.is_empty() {
        link.status_token = None;
        return Ok(());
    }
    if text.len() > MAX_TOKEN_CHARACTERS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!(
            "the status token is not a token of a forge; expected 1 to {MAX_TOKEN_CHARACTERS} printable characters"
        );
        return Err(Error::invalid("status-token", what).help("copy it from the forge again"));
    }
    link.status_token = Some(cx.vault.encrypt_value(link.status_token_place(), &token)?);
    Ok(())
}

async fn create_owner(
    cx: &ComponentsContext,
    shown: &IdentityHeaders,
    id: RepositoryLinkId,
    repository: &str,
) -> Result<StandingMandate> {
    let repository = hearth_base::to_single_line(repository, 100);
    let cause = format!("pushes to {repository} ({id})");
    cx.clients.create_standing_mandate(shown, list_scopes(), cause).await
}

/// Finds the owner of a link. An unknown mandate has no owner.
async fn find_owner(cx: &ComponentsContext, mandate: MandateId) -> Result<StandingMandate> {
    match cx.clients.show_standing_mandate(mandate).await {
        Err(error) if error.kind() == hearth_base::ErrorKind::NotFound => {
            Ok(StandingMandate { id: mandate, owner: None, active: false })
        }
        found => found,
    }
}

/// Ends a mandate that no link uses. If `accounts` does not answer, it stays, and nothing uses it.
async fn end_owner(cx: &ComponentsContext, mandate: MandateId) {
    if let Err(error) = cx.clients.end_mandate(mandate).await {
        tracing::debug!(%error, "standing mandate not ended; no link uses it");
    }
}

fn read_environment(environment: Option<String>) -> Result<Option<String>> {
    let environment = environment.filter(|environment| environment != PRODUCTION_ENVIRONMENT);
    environment.as_deref().map_or(Ok(()), check_environment_name)?;
    Ok(environment)
}

fn check_branches(branches: &[String]) -> Result<()> {
    if branches.is_empty() {
        let what = "the link names no branch; expected 1 to 20 names or patterns";
        return Err(Error::invalid("repository-branches", what).help("name a branch, as in main"));
    }
    check_patterns("branches", branches)
}

fn check_paths(paths: &[String]) -> Result<()> {
    check_patterns("paths", paths)
}

fn check_patterns(subject: &str, patterns: &[String]) -> Result<()> {
    if patterns.len() > MAX_PATTERNS {
        let what = format!("{subject} has {} patterns; expected at most {MAX_PATTERNS}", patterns.len());
        return Err(Error::invalid("pattern", what).help("join some of them with * or **"));
    }
    for pattern in patterns {
        check_plain_text(subject, pattern, 1..=200)?;
        PathPattern::parse_pattern(pattern)?;
    }
    Ok(())
}

fn render_link(cx: &ComponentsContext, link: &StoredLink, owner: &StandingMandate) -> RepositoryLink {
    let LinkContent { branches, paths, environment, previews, owned_since: _, status_problem } =
        link.content.clone();
    RepositoryLink {
        id: link.id,
        forge: link.forge,
        repository: link.repository.clone(),
        branches,
        paths,
        environment,
        previews,
        owner: owner.owner.clone(),
        suspended: !owner.active,
        webhook_url: format!("{}/components/v1/forge-webhooks/{}", cx.door.public_origin(), link.id),
        has_status_token: link.status_token.is_some(),
        status_problem,
        created: link.created,
    }
}

fn build_missing_error(id: RepositoryLinkId) -> Error {
    Error::not_found("repository link", id).help("hearth repository list")
}
