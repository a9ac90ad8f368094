//! Start of a build. The source is resolved before the build is accepted.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Error, Result, Role, SourceId, ToolId, ToolName};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::builds::{BuildCreate, BuildCreateQuery, BuildParameters, BuildStatus, BuildStep};
use jiff::Timestamp;

use super::{
    build_task::BUILD_TASK,
    image_name::{choose_image_name, choose_preview_name},
    outside, queue, reuse, source_credentials, sources,
};
use crate::{
    context::BuildsContext,
    git::{self, RepositoryAddress},
    store::{Build, ImageRecord, OutsideBuilder},
};

/// Most builds of a tool that may wait in the queue.
const MAX_QUEUED_BUILDS: u64 = 50;
/// Largest Containerfile of a plan, in bytes.
const MAX_PLAN_BYTES: usize = 64 << 10;

/// Resolved source of a build.
struct ResolvedSource {
    resolved_ref: String,
    full_ref: Option<String>,
    size: u64,
}

/// Resolves the source and accepts the build. An image that is up to date is its result at once, unless the query asks
/// for a new one. With `queue` in the query, more builds than the quota may wait. `of_deployment` marks a build that a
/// deployment requests.
pub async fn start_build(
    cx: &BuildsContext,
    tool: ToolId,
    name: &ToolName,
    create: BuildCreate,
    query: BuildCreateQuery,
    of_deployment: bool,
) -> Result<Build> {
    let BuildCreateQuery { queue: may_queue, rebuild } = query;
    let BuildCreate {
        source_url,
        reference,
        upload,
        envvars,
        image_name: image,
        folder,
        recipe,
        process,
        builder,
        plan,
        preview,
        use_latest_versions,
        use_deprecated_versions,
    } = create;
    let facts = cx.clients.create_client(Role::Accounts)?.accounts_internal().show_tool_facts(tool).await?;
    if facts.deleting {
        return Err(Error::conflict("tool-deleting", format!("the tool {name} is being deleted"))
            .help("hearth tool list"));
    }
    let envvars = envvars.unwrap_or_default();
    check_envvars(&envvars)?;
    let image_name = choose_image_name(image.as_deref(), name)?;
    let image_name = match preview {
        Some(preview) => choose_preview_name(&image_name, preview),
        None => image_name,
    };
    let folder = folder.map(|folder| parse_source_folder(&folder)).transpose()?.flatten();
    check_process_name(process.as_deref())?;
    let plan = plan.map(check_plan).transpose()?;
    let outside = match preview {
        None => outside::registry::find_chosen_builder(cx, tool, builder).await?,
        Some(_) => outside::registry::refuse_outside_builder(builder).map(|()| None)?,
    };
    let source_url = source_url.filter(|url| !url.is_empty());
    let reference = reference.unwrap_or_default();
    let limit = if may_queue { MAX_QUEUED_BUILDS } else { u64::from(facts.quota.running_builds) };
    // Checked again when the build is accepted: here so that a start over the quota causes no request.
    check_open_builds(cx.store.read_open_build_count(tool).await?, limit)?;
    let source = resolve_source(cx, tool, source_url.as_deref(), &reference, upload).await?;
    let now = cx.now();
    let parameters = BuildParameters {
        source_url: source_url.unwrap_or_default(),
        reference,
        upload,
        envvars,
        image_name,
        folder,
        recipe,
        process,
        rebuild,
        preview,
        use_latest_versions,
        use_deprecated_versions,
    };
    let build = Build { of_deployment, ..create_build(cx, tool, name, parameters, source, now) };
    if outside.is_none()
        && !rebuild
        && preview.is_none()
        && let Some(reused) = reuse::reuse_image(cx, &build).await?
    {
        return Ok(reused);
    }
    let expected = queue::estimate_duration(cx, tool).await?;
    let outside_builder = outside.as_ref().map(|builder| builder.format_display_name(name));
    let build = Build { expected, outside_builder, ..build };
    accept_build(cx, &build, limit, outside.map(|builder| (builder, plan))).await?;
    Ok(build)
}

/// Resolves the one source of a build: a repository or an upload.
async fn resolve_source(
    cx: &BuildsContext,
    tool: ToolId,
    source_url: Option<&str>,
    reference: &str,
    upload: Option<SourceId>,
) -> Result<ResolvedSource> {
    match (source_url, upload) {
        (Some(url), None) => resolve_repository(cx, tool, url, reference).await,
        (None, Some(_)) if !reference.is_empty() => {
            Err(Error::invalid("ref-of-upload", "an upload has no ref: ref and upload exclude each other")
                .help("omit ref, or give source_url"))
        }
        (None, Some(upload)) => resolve_upload(cx, tool, upload).await,
        (None, None) => {
            Err(Error::invalid("no-source", "the build has no source: source_url or upload is required")
                .help("give the address of a git repository"))
        }
        (Some(_), Some(_)) => Err(Error::invalid(
            "two-sources",
            "the build has two sources: source_url and upload exclude each other",
        )
        .help("give one of them")),
    }
}

async fn resolve_repository(
    cx: &BuildsContext,
    tool: ToolId,
    url: &str,
    reference: &str,
) -> Result<ResolvedSource> {
    let address: RepositoryAddress = url.parse()?;
    git::check_ref(reference)?;
    let _permit = cx.ref_permits.acquire_permit(tool).await?;
    let found = source_credentials::resolve_ref(cx, tool, &address, reference).await?;
    Ok(ResolvedSource { resolved_ref: found.commit, full_ref: found.full_name, size: 0 })
}

async fn resolve_upload(cx: &BuildsContext, tool: ToolId, upload: SourceId) -> Result<ResolvedSource> {
    let source = sources::find_tool_source(cx, tool, upload).await?;
    Ok(ResolvedSource { resolved_ref: source.digest.to_string(), full_ref: None, size: source.size })
}

fn create_build(
    cx: &BuildsContext,
    tool: ToolId,
    name: &ToolName,
    parameters: BuildParameters,
    source: ResolvedSource,
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
        expected: None,
        builder: None,
        failure: None,
        inputs: None,
        reused_build: None,
        image_record: ImageRecord::default(),
        outside_builder: None,
        of_deployment: false,
    }
}

/// Stores a build, and hands it to the queue of builders, or to an outside builder with the plan of the request.
pub async fn accept_build(
    cx: &BuildsContext,
    build: &Build,
    limit: u64,
    outside: Option<(OutsideBuilder, Option<String>)>,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, build.tool).await?;
    // Concurrent starts wait for the tool's lock, or for its row in the queue, until the commit: the count below is exact.
    match outside {
        None => {
            let key = build.tool.to_string();
            cx.store.queue.enqueue_in_place(&tx, BUILD_TASK, &key, &build.tool, build.created).await?;
        }
        Some((builder, plan)) => outside::hand_over_build(cx, &tx, build, &builder, plan).await?,
    }
    let open = cx.store.count_open_builds(&tx, build.tool).await?;
    check_open_builds(open, limit)?;
    if let Some(upload) = build.parameters.upload {
        let extended =
            cx.store.extend_source(&tx, build.tool, upload, cx.now() + sources::UPLOAD_LIFETIME).await?;
        extended.ok_or_else(|| sources::build_missing_error(upload))?;
    }
    cx.store.insert_build(&tx, build).await?;
    tx.commit().await
}

/// Refuses one more open build than `limit`.
fn check_open_builds(open: u64, limit: u64) -> Result<()> {
    if open < limit {
        return Ok(());
    }
    Err(Error::conflict("too-many-builds", format!("the tool has {open} open builds already"))
        .help("wait for one to end, cancel one (hearth build cancel ID), or start with queue=true"))
}

/// Parses the path of a folder in the source; `None` for the top folder. Error `source-folder` (invalid).
fn parse_source_folder(text: &str) -> Result<Option<String>> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let path = parts.join("/");
    let hidden =
        parts.iter().any(|part| *part == ".." || *part == ".git" || part.chars().any(char::is_control));
    if hidden || text.starts_with('/') || path.len() > 200 {
        return Err(Error::invalid("source-folder", format!("invalid folder of the source: {text:.80?}"))
            .help("write a path below the top folder, as in backend or apps/api"));
    }
    Ok((!path.is_empty()).then_some(path))
}

/// Checks the Containerfile of a plan, which only an outside builder reads.
fn check_plan(plan: String) -> Result<String> {
    if plan.len() <= MAX_PLAN_BYTES && !plan.contains('\0') {
        return Ok(plan);
    }
    Err(Error::invalid(
        "plan-size",
        format!("the plan of the build is too large; at most {MAX_PLAN_BYTES} bytes"),
    )
    .help("leave the plan out: the outside builder makes it from the source"))
}

fn check_process_name(process: Option<&str>) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match process {
        Some(name) if name.is_empty() || name.len() > 52 || !name.bytes().all(fits) => {
            Err(Error::invalid("process-name", format!("invalid process name {name:.80?}"))
                .help("use 1 to 52 letters, digits, - and _"))
        }
        _ => Ok(()),
    }
}

fn check_envvars(envvars: &BTreeMap<String, String>) -> Result<()> {
    let mut size = 0;
    for (name, value) in envvars {
        let first = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !first || !rest || name.len() > 128 {
            return Err(Error::invalid("envvar-name", format!("invalid variable name: {name:.80?}"))
                .help("use letters, digits and _; begin with a letter or _"));
        }
        if value.contains('\0') {
            return Err(Error::invalid("envvar-value", format!("the value of {name} contains a NUL byte"))
                .help("encode it, in base64 for instance"));
        }
        size += name.len() + value.len();
    }
    if size > 64 << 10 || envvars.len() > 256 {
        return Err(Error::invalid(
            "envvars-size",
            "the variables of the build are too large; at most 256 variables with 64 KiB",
        )
        .help("keep large values in files of the source"));
    }
    Ok(())
}
