//! A new build: what is to be built is found out before it is accepted.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Error, Result, Role, SourceId, ToolId, ToolName};
use hearth_kit::{queue::TaskName, tool_state::lock_existing_tool};
use hearth_wire::builds::{BuildCreate, BuildParameters, BuildStatus, BuildStep};
use jiff::Timestamp;

use super::{image_name::image_name, sources};
use crate::{
    cx::Cx,
    git::{self, Address},
    store::Build,
};

/// The task of building for a tool, which builders perform: one item for each tool, whose builds are made one after the other.
pub const BUILD_TASK: TaskName<ToolId> = TaskName::new("building");

/// The most builds of a tool that may wait in line.
const MOST_IN_LINE: u64 = 50;

/// What a build is made of, found out.
struct Source {
    resolved_ref: String,
    full_ref: Option<String>,
    size: u64,
}

/// Accepts a build.
pub async fn start(
    cx: &Cx,
    tool: ToolId,
    name: &ToolName,
    create: BuildCreate,
    queue: bool,
) -> Result<Build> {
    let BuildCreate {
        source_url,
        reference,
        upload,
        envvars,
        image_name: image,
        use_latest_versions,
        use_deprecated_versions,
    } = create;
    let facts = cx.clients.of(Role::Accounts)?.internal().tool_facts(tool).await?;
    if facts.deleting {
        return Err(Error::conflict("tool-ends", format!("the tool {name} is being deleted")));
    }
    let envvars = envvars.unwrap_or_default();
    check_envvars(&envvars)?;
    let image_name = image_name(image.as_deref(), name)?;
    let source_url = source_url.filter(|url| !url.is_empty());
    let reference = reference.unwrap_or_default();
    let source = match (&source_url, upload) {
        (Some(url), None) => repository(cx, url, &reference).await?,
        (None, Some(_)) if !reference.is_empty() => {
            return Err(Error::invalid("ref-of-upload", "an uploaded folder has no ref")
                .help("leave out ref, or give source_url"));
        }
        (None, Some(upload)) => uploaded(cx, tool, upload).await?,
        (None, None) => {
            return Err(Error::invalid("no-source", "a build needs a source_url, or an upload")
                .help("give the address of a public git repository"));
        }
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "two-sources",
                "a build is of a source_url or of an upload, not of both",
            ));
        }
    };
    let now = cx.now();
    let parameters = BuildParameters {
        source_url: source_url.unwrap_or_default(),
        reference,
        upload,
        envvars,
        image_name,
        use_latest_versions,
        use_deprecated_versions,
    };
    let build = new(cx, tool, name, parameters, source, now);
    let most = if queue { MOST_IN_LINE } else { u64::from(facts.quota.running_builds) };
    accept(cx, &build, most, now).await?;
    Ok(build)
}

async fn repository(cx: &Cx, url: &str, reference: &str) -> Result<Source> {
    let address: Address = url.parse()?;
    git::check_ref(reference)?;
    let found = git::advertised(&cx.outbound, &address).await?.resolve(reference)?;
    Ok(Source { resolved_ref: found.commit, full_ref: found.full_name, size: 0 })
}

async fn uploaded(cx: &Cx, tool: ToolId, upload: SourceId) -> Result<Source> {
    let source = sources::of_tool(cx, tool, upload).await?;
    Ok(Source { resolved_ref: source.digest.to_string(), full_ref: None, size: source.size })
}

fn new(
    cx: &Cx,
    tool: ToolId,
    name: &ToolName,
    parameters: BuildParameters,
    source: Source,
    now: Timestamp,
) -> Build {
    Build {
        id: BuildId::new(now, &cx.entropy),
        tool,
        tool_name: name.clone(),
        status: BuildStatus::BuildPending,
        step: BuildStep::Waiting,
        message: String::new(),
        attempt: 1,
        parameters,
        resolved_ref: source.resolved_ref,
        full_ref: source.full_ref,
        source_size: source.size,
        destination_image: String::new(),
        digest: None,
        processes: BTreeMap::new(),
        created: now,
        started: None,
        ended: None,
        deadline: None,
        settled: true,
    }
}

async fn accept(cx: &Cx, build: &Build, most: u64, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, build.tool).await?;
    // Asking first makes everybody else who asks for this tool wait: the count below stays true.
    let key = build.tool.to_string();
    cx.store.queue.enqueue(&tx, BUILD_TASK, &key, &build.tool, now).await?;
    let open = cx.store.build_count_open(&tx, build.tool).await?;
    if open >= most {
        return Err(Error::conflict(
            "too-many-builds",
            format!("{open} builds of this tool wait or run already"),
        )
        .help("wait for one to end, cancel one (hearth build cancel ID), or ask with queue=true"));
    }
    if let Some(upload) = build.parameters.upload {
        let kept = cx.store.source_keep(&tx, build.tool, upload, now + sources::UPLOAD_LIFETIME).await?;
        kept.ok_or_else(|| sources::missing(upload))?;
    }
    cx.store.build_add(&tx, build).await?;
    tx.commit().await
}

fn check_envvars(envvars: &BTreeMap<String, String>) -> Result<()> {
    let mut size = 0;
    for (name, value) in envvars {
        let first = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !first || !rest || name.len() > 128 {
            return Err(Error::invalid("envvar-name", format!("{name:.80?} cannot name a variable"))
                .help("use letters, digits and _, beginning with a letter"));
        }
        if value.contains('\0') {
            return Err(Error::invalid("envvar-value", format!("the value of {name} holds a zero byte")));
        }
        size += name.len() + value.len();
    }
    if size > 64 << 10 || envvars.len() > 256 {
        return Err(Error::invalid("envvars-size", "all variables of a build hold 64 KiB at most"));
    }
    Ok(())
}
