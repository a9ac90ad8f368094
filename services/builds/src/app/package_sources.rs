//! Package sources: which archives of Debian packages builds get besides Debian.

use hearth_base::{Error, ErrorKind, PackageSourceName, Result, ToolId, ToolName, ToolRequestId};
use hearth_kit::{
    audit::{Change, ChangeAuthor},
    db::Tx,
    tool_state::{ToolState, lock_existing_tool, lock_tool},
};
use hearth_plan::{BuildPackageSource, BuildPackageSources, PackageSourceFile, PackageSourceKey};
use hearth_wire::builds::{
    PackageSource, PackageSourceAccess, PackageSourcePut, ToolPackageSource, internal::LeasePackageSource,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    context::BuildsContext,
    store::{SourceGrant, StoredPackageSource},
};

/// Largest difference of the clocks of two services.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(5);
/// Most package sources of this Hearth.
const MAX_PACKAGE_SOURCES: u64 = 200;

/// Adds a package source, or replaces its content.
pub async fn put_package_source(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    name: &PackageSourceName,
    put: PackageSourcePut,
) -> Result<PackageSource> {
    let PackageSourcePut { file, key, access, overrides_debian } = put;
    // Stored as they are rendered for builds: without comments, and with no field that the service does not know.
    let (file, key) =
        (PackageSourceFile::parse(&file)?.render_file(), PackageSourceKey::parse(&key)?.render_armor());
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let former = cx.store.lock_package_source(&tx, name).await?;
    if former.is_none() && cx.store.count_package_sources(&tx).await? >= MAX_PACKAGE_SOURCES {
        let what = format!("there are {MAX_PACKAGE_SOURCES} package sources already");
        return Err(Error::new(ErrorKind::Exhausted, "too-many-package-sources", what)
            .help("remove one: hearth admin package-sources remove NAME"));
    }
    let action = if former.is_none() { "package-source.add" } else { "package-source.change" };
    let created = former.map_or(now, |former| former.created);
    let source = StoredPackageSource {
        name: name.clone(),
        file,
        key,
        access,
        overrides_debian,
        created,
        updated: now,
    };
    cx.store.save_package_source(&tx, &source).await?;
    cx.record_change(&tx, author, Change { action, tool: None, subject: describe_source(&source) }).await?;
    tx.commit().await?;
    render_source(cx, source).await
}

/// Describes a package source for the audit log, without its addresses, which may have passwords.
fn describe_source(source: &StoredPackageSource) -> String {
    let StoredPackageSource { name, access, overrides_debian, .. } = source;
    let tools = match access {
        PackageSourceAccess::All => "for all tools",
        PackageSourceAccess::Granted => "for granted tools",
    };
    let overrides = if *overrides_debian { ", overrides Debian" } else { "" };
    format!("{name} {tools}{overrides}")
}

/// Lists all package sources.
pub async fn list_package_sources(cx: &BuildsContext) -> Result<Vec<PackageSource>> {
    let mut sources = Vec::new();
    for source in cx.store.list_package_sources().await? {
        sources.push(render_source(cx, source).await?);
    }
    Ok(sources)
}

/// Shows a package source.
pub async fn show_package_source(cx: &BuildsContext, name: &PackageSourceName) -> Result<PackageSource> {
    let source = cx.store.find_package_source(name).await?;
    render_source(cx, source.ok_or_else(|| build_missing_error(name))?).await
}

/// Removes a package source and its grants. Builds that run keep it.
pub async fn remove_package_source(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    name: &PackageSourceName,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.lock_package_source(&tx, name).await?.ok_or_else(|| build_missing_error(name))?;
    cx.store.delete_package_source(&tx, name).await?;
    let change = Change { action: "package-source.remove", tool: None, subject: name.to_string() };
    cx.record_change(&tx, author, change).await?;
    tx.commit().await
}

/// Grants a package source to a tool, or takes it from it.
pub async fn set_grant(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    tool: (ToolId, &ToolName),
    name: &PackageSourceName,
    is_active: bool,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool.0).await?;
    cx.store.lock_package_source(&tx, name).await?.ok_or_else(|| build_missing_error(name))?;
    let former = cx.store.find_source_grant(&tx, name, tool.0).await?;
    let request = former.and_then(|former| former.request);
    let grant = SourceGrant { source: name.clone(), tool: tool.0, is_active, request };
    cx.store.save_source_grant(&tx, &grant).await?;
    let action = if is_active { "package-source.grant" } else { "package-source.revoke" };
    let change = Change { action, tool: Some(tool), subject: name.to_string() };
    cx.record_change(&tx, author, change).await?;
    tx.commit().await
}

/// Accepted request of a tool for a package source.
#[derive(Debug, Clone)]
pub struct AcceptedSource {
    pub request: ToolRequestId,
    pub tool: ToolId,
    pub source: PackageSourceName,
    /// Time of the acceptance.
    pub accepted: Timestamp,
}

/// Grants what an operator accepted, once: a repeated event, or a list of former requests after lost events, does not
/// grant again what was taken from the tool since.
pub async fn apply_accepted_source(cx: &BuildsContext, tx: &Tx, accepted: AcceptedSource) -> Result<()> {
    let AcceptedSource { request, tool, source: name, accepted: accepted_at } = accepted;
    if lock_tool(tx, tool).await? == ToolState::Deleted {
        return Ok(());
    }
    let source = cx.store.lock_package_source(tx, &name).await?;
    // A source that was added later under the same name is another one.
    if source.is_none_or(|source| source.created > accepted_at + MAX_CLOCK_DIFFERENCE) {
        tracing::warn!(%tool, source = %name, %request, "accepted package source has been removed; not granted");
        return Ok(());
    }
    let former = cx.store.find_source_grant(tx, &name, tool).await?.and_then(|former| former.request);
    if former.is_some_and(|former| former >= request) {
        return Ok(());
    }
    let grant = SourceGrant { source: name, tool, is_active: true, request: Some(request) };
    cx.store.save_source_grant(tx, &grant).await
}

/// Lists the package sources that the builds of a tool get.
pub async fn list_tool_sources(cx: &BuildsContext, tool: ToolId) -> Result<Vec<ToolPackageSource>> {
    let sources = cx.store.list_tool_package_sources(tool).await?.into_iter().map(|source| {
        let uris = PackageSourceFile::parse(&source.file)?.uris().to_vec();
        Ok(ToolPackageSource { name: source.name, uris, overrides_debian: source.overrides_debian })
    });
    sources.collect()
}

/// Lists the package sources for the lease of a build.
pub async fn list_lease_sources(cx: &BuildsContext, tool: ToolId) -> Result<Vec<LeasePackageSource>> {
    let sources = cx.store.list_tool_package_sources(tool).await?;
    let to_lease_source = |source| {
        let StoredPackageSource { name, file, key, overrides_debian, .. } = source;
        LeasePackageSource { name, file, key, overrides_debian }
    };
    Ok(sources.into_iter().map(to_lease_source).collect())
}

/// Computes the digest of the package sources of a tool, by which a build knows whether they have changed.
pub async fn compute_sources_digest(cx: &BuildsContext, tool: ToolId) -> Result<String> {
    let sources = cx.store.list_tool_package_sources(tool).await?.into_iter().map(|source| {
        Ok(BuildPackageSource {
            file: PackageSourceFile::parse(&source.file)?,
            key: PackageSourceKey::parse(&source.key)?,
            name: source.name,
            overrides_debian: source.overrides_debian,
        })
    });
    Ok(BuildPackageSources::new(sources.collect::<Result<_>>()?).compute_digest())
}

async fn render_source(cx: &BuildsContext, source: StoredPackageSource) -> Result<PackageSource> {
    let granted = cx.store.count_source_grants(&source.name).await?;
    let StoredPackageSource { name, file, key, access, overrides_debian, created, updated } = source;
    Ok(PackageSource { name, file, key, access, overrides_debian, granted, created, updated })
}

fn build_missing_error(name: &PackageSourceName) -> Error {
    Error::not_found("package source", name).help("hearth admin package-sources list")
}
