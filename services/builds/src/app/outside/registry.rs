//! Registration of outside builders, and the choice between them.

use std::net::IpAddr;

use hearth_base::{BuilderName, Error, OutsideBuilderId, Result, Secret, ToolId, ToolName};
use hearth_kit::{
    audit::{Change, ChangeAuthor},
    outbound::is_public_address,
    queue::TaskName,
    signed_webhooks::{check_webhook_url, generate_secret},
    tool_state::lock_existing_tool,
};
use hearth_wire::builds::outside::{self as wire, OWN_BUILDERS, OutsideBuilderCreate};
use http::Uri;

use super::fail_build;
use crate::{
    context::BuildsContext,
    store::{BuilderOwner, OutsideBuilder, build_exists_error, format_secret_context},
};

/// Task that fails the builds of a removed outside builder; its key is the builder's id.
pub const REMOVED_BUILDER_TASK: TaskName<OutsideBuilderId> = TaskName::new("removed-builder");

/// Most outside builders of a tool, and of the operator.
const MAX_OUTSIDE_BUILDERS: u64 = 20;

/// Registers an outside builder of a tool, or of all tools. Its secret is returned only here.
pub async fn add_builder(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    tool: Option<(ToolId, &ToolName)>,
    trigger_owner: Option<String>,
    create: OutsideBuilderCreate,
) -> Result<(OutsideBuilder, Secret)> {
    let OutsideBuilderCreate { name, url, falls_back } = create;
    let owner = BuilderOwner::from_tool(tool.map(|(id, _)| id));
    if name.as_str() == OWN_BUILDERS {
        let what = format!("the name {OWN_BUILDERS} means the builders of this Hearth");
        return Err(Error::invalid("builder-name", what).help("choose another name, such as ci"));
    }
    check_webhook_url(&cx.outbound, &url).await?;
    check_encryption(&url)?;
    let created = cx.now();
    let id = OutsideBuilderId::new(created, &cx.entropy);
    let secret = generate_secret(&cx.entropy);
    let sealed = cx.vault.encrypt_value(format_secret_context(id), &secret)?;
    let builder = OutsideBuilder { id, owner, name, url, falls_back, secret: sealed, trigger_owner, created };
    let tx = cx.store.begin().await?;
    if let BuilderOwner::Tool(tool) = owner {
        lock_existing_tool(&tx, tool).await?;
    }
    if cx.store.find_outside_builder_by_name(owner, &builder.name).await?.is_some() {
        return Err(build_exists_error(&builder.name));
    }
    if cx.store.count_outside_builders(&tx, owner).await? >= MAX_OUTSIDE_BUILDERS {
        let what = format!("there are {MAX_OUTSIDE_BUILDERS} outside builders already; more are not allowed");
        return Err(Error::conflict("builders-full", what).help("remove one that is not used"));
    }
    cx.store.save_outside_builder(&tx, &builder).await?;
    // Not its address, which may have a key.
    let change = Change { action: "outside-builder.add", tool, subject: builder.name.to_string() };
    cx.record_change(&tx, author, change).await?;
    tx.commit().await?;
    Ok((builder, secret))
}

/// Checks that an announcement, which has the credential of a build, is encrypted on its way. A private address, which
/// the operator has to allow, needs no encryption.
///
/// Errors: `webhook-url` (invalid).
fn check_encryption(url: &str) -> Result<()> {
    let uri: Uri = url.parse().map_err(Error::internal)?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_private = host.parse::<IpAddr>().is_ok_and(|address| !is_public_address(address));
    if uri.scheme_str() == Some("https") || is_private {
        return Ok(());
    }
    let what = "announcements to this address would not be encrypted, and they have a credential";
    Err(Error::invalid("webhook-url", what).help("use an address with https"))
}

/// Removes an outside builder of a tool, or of all tools. The builds that it has fail, and their credentials end.
pub async fn remove_builder(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    tool: Option<(ToolId, &ToolName)>,
    name: &BuilderName,
) -> Result<()> {
    let owner = BuilderOwner::from_tool(tool.map(|(id, _)| id));
    let found = cx.store.find_outside_builder_by_name(owner, name).await?;
    let builder = found.ok_or_else(|| build_missing_error(owner, name))?;
    let tx = cx.store.begin().await?;
    if !cx.store.delete_outside_builder(&tx, owner, name).await? {
        return Err(build_missing_error(owner, name));
    }
    let change = Change { action: "outside-builder.remove", tool, subject: name.to_string() };
    cx.record_change(&tx, author, change).await?;
    let id = builder.id;
    cx.store.queue.enqueue(&tx, REMOVED_BUILDER_TASK, &id.to_string(), &id, cx.now()).await?;
    tx.commit().await
}

/// Fails the builds that a removed outside builder has. May be repeated.
pub async fn fail_builds_of_removed_builder(cx: &BuildsContext, builder: OutsideBuilderId) -> Result<()> {
    let mut last = None;
    loop {
        let builds = cx.store.list_builds_of_outside_builder(builder, last).await?;
        for id in &builds {
            let tx = cx.store.begin().await?;
            if let Some(build) = cx.store.lock_build(&tx, *id).await?.filter(|build| !build.has_ended()) {
                let next_step = "Start the build again: hearth build start";
                fail_build(cx, &tx, build, "it was removed", next_step).await?;
            }
            tx.commit().await?;
        }
        match builds.last() {
            None => return Ok(()),
            id => last = id.copied(),
        }
    }
}

/// Chooses the builder of a tool's builds; `None`: the builders of this Hearth.
pub async fn choose_builder(cx: &BuildsContext, tool: ToolId, name: Option<BuilderName>) -> Result<()> {
    let name = name.filter(|name| name.as_str() != OWN_BUILDERS);
    if let Some(name) = &name {
        find_builder(cx, tool, name).await?;
    }
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    cx.store.save_builder_choice(&tx, tool, name.as_ref()).await?;
    tx.commit().await
}

/// Finds the outside builder of a new build: the one that the request names, else the choice of the tool. `None`: a
/// builder of this Hearth.
pub async fn find_chosen_builder(
    cx: &BuildsContext,
    tool: ToolId,
    requested: Option<BuilderName>,
) -> Result<Option<OutsideBuilder>> {
    let name = match requested {
        None => cx.store.find_builder_choice(tool).await?,
        requested => requested,
    };
    match name.filter(|name| name.as_str() != OWN_BUILDERS) {
        None => Ok(None),
        Some(name) => find_builder(cx, tool, &name).await.map(Some),
    }
}

/// Refuses an outside builder for a build of a preview: error `preview-builder` (invalid). Without a request, the builders
/// of this Hearth build it, also if the tool has chosen another one.
pub fn refuse_outside_builder(requested: Option<BuilderName>) -> Result<()> {
    match requested.filter(|name| name.as_str() != OWN_BUILDERS) {
        None => Ok(()),
        Some(name) => {
            let what = format!(
                "the outside builder {name} cannot build a preview: Hearth cannot tell whether it keeps previews apart \
                 from the tool's other builds; allowed: {OWN_BUILDERS}"
            );
            Err(Error::invalid("preview-builder", what).help("leave builder out"))
        }
    }
}

/// Finds an outside builder by the name that a tool uses for it: the tool's own comes first.
async fn find_builder(cx: &BuildsContext, tool: ToolId, name: &BuilderName) -> Result<OutsideBuilder> {
    for owner in [BuilderOwner::Tool(tool), BuilderOwner::Shared] {
        if let Some(found) = cx.store.find_outside_builder_by_name(owner, name).await? {
            return Ok(found);
        }
    }
    let what = format!("there is no outside builder {name}");
    Err(Error::invalid("no-such-builder", what)
        .help(format!("hearth build builders list; {OWN_BUILDERS} means the builders of this Hearth")))
}

/// Lists the outside builders that a tool may choose, and its choice. Only the tool's own show their whole URL.
pub async fn list_tool_builders(
    cx: &BuildsContext,
    tool: ToolId,
    may_change: bool,
) -> Result<wire::OutsideBuilderList> {
    let own = cx.store.list_outside_builders(BuilderOwner::Tool(tool)).await?;
    let shared = cx.store.list_outside_builders(BuilderOwner::Shared).await?;
    let own = own.into_iter().map(|builder| render_builder(builder, may_change));
    let shared = shared.into_iter().map(|builder| render_builder(builder, false));
    let chosen = cx.store.find_builder_choice(tool).await?;
    Ok(wire::OutsideBuilderList { builders: own.chain(shared).collect(), chosen })
}

/// Lists the outside builders of all tools, for operators.
pub async fn list_shared_builders(cx: &BuildsContext) -> Result<wire::OutsideBuilderList> {
    let shared = cx.store.list_outside_builders(BuilderOwner::Shared).await?;
    let builders = shared.into_iter().map(|builder| render_builder(builder, true)).collect();
    Ok(wire::OutsideBuilderList { builders, chosen: None })
}

/// Renders an outside builder. Its URL may contain a key, so others than its owner see only the host.
pub fn render_builder(builder: OutsideBuilder, shows_url: bool) -> wire::OutsideBuilder {
    let OutsideBuilder { id: _, owner, name, url, falls_back, secret: _, trigger_owner: _, created } =
        builder;
    let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let url = if shows_url { url } else { host.unwrap_or_default() };
    wire::OutsideBuilder { name, url, shared: owner == BuilderOwner::Shared, falls_back, created }
}

fn build_missing_error(owner: BuilderOwner, name: &BuilderName) -> Error {
    Error::not_found("builder", name).help(match owner {
        BuilderOwner::Tool(_) => "hearth build builders list",
        BuilderOwner::Shared => "hearth admin outside-builders list",
    })
}
