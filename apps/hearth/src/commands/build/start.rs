//! `hearth build start [SOURCE]`: starts a build and shows its log.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use hearth_base::{BuilderName, Error, Result};
use hearth_wire::builds::{Build, BuildCreate, BuildCreateQuery, BuildStatus};

use super::{describe_build_state, describe_source, logs::BuildLogReader, recipe_args::RecipeArgs};
use crate::{
    context::CommandContext,
    flags::DryRun,
    pack,
    tool_session::ToolSession,
    upload::{UploadArgs, upload_files},
};

/// The arguments of `hearth build start`.
#[derive(Debug, clap::Args)]
pub struct StartBuildArgs {
    /// The address of a git repository, or a folder; default: the last source
    #[arg(value_hint = clap::ValueHint::DirPath)]
    source: Option<String>,
    /// The branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// The name of the image; default: tool-NAME
    #[arg(long, short, value_name = "NAME")]
    image_name: Option<String>,
    /// A build variable; may be repeated
    #[arg(long = "envvar", short, value_name = "NAME=VALUE")]
    envvars: Vec<EnvvarAssignment>,
    /// The outside builder, or hearth; default: as build in hearth.yaml says, else the tool's choice
    #[arg(long, value_name = "NAME")]
    builder: Option<BuilderName>,
    /// Return at once, without the log
    #[arg(long, short = 'D')]
    detach: bool,
    /// Queue behind other builds instead of failing
    #[arg(long)]
    queue: bool,
    /// Build without reusing the image or layers of earlier builds
    #[arg(long, visible_alias = "no-cache")]
    rebuild: bool,
    /// Accepted for compatibility: base images are always the newest
    #[arg(long, short = 'L', hide_short_help = true)]
    use_latest_versions: bool,
    #[command(flatten)]
    recipe: RecipeArgs,
    #[command(flatten)]
    upload: UploadArgs,
    #[command(flatten)]
    dry_run: DryRun,
}

/// A build variable `NAME=VALUE`.
#[derive(Debug, Clone)]
struct EnvvarAssignment(String, String);

impl FromStr for EnvvarAssignment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Error::invalid("envvar", "invalid build variable; expected NAME=VALUE"))?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

/// Starts the build and follows it.
pub async fn run(cx: &CommandContext, args: StartBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<Build>()?;
    let StartBuildArgs {
        source,
        reference,
        image_name,
        envvars,
        builder,
        detach,
        queue,
        rebuild,
        use_latest_versions,
        recipe,
        upload,
        dry_run,
    } = args;
    let session = cx.open_tool_session()?;
    let envvars: BTreeMap<_, _> =
        envvars.into_iter().map(|EnvvarAssignment(name, value)| (name, value)).collect();
    let mut create = BuildCreate {
        reference,
        image_name,
        envvars: (!envvars.is_empty()).then_some(envvars),
        folder: recipe.source_folder.clone(),
        recipe: recipe.recipe,
        builder,
        use_latest_versions,
        ..BuildCreate::default()
    };
    let source = match source {
        Some(source) => source,
        None => find_last_source(&session, &mut create).await?,
    };
    pack::check_source(&source)?;
    if pack::is_folder(&source) {
        recipe.fill_in_builder(Path::new(&source), &mut create);
    }
    let selection = if pack::is_folder(&source) {
        Some(upload.select_folder(cx, Path::new(&source)).await?)
    } else {
        upload.check_unused()?;
        None
    };
    if dry_run.dry_run {
        return cx.printer.open_output()?.print_sentence(&create, &format!("would build {source}"));
    }
    match selection {
        Some(selection) => create.upload = Some(upload_files(cx, &session, selection).await?.id),
        None => create.source_url = Some(source),
    }
    let query = BuildCreateQuery { queue, rebuild };
    let began = session.send(session.client().builds().start(session.tool_name(), &create, &query)).await?;
    if !detach {
        let mut log = BuildLogReader::open(&session, began.name, true).await?;
        while let Some(line) = cx.wait_with_notices("the build", log.next()).await? {
            cx.printer.print_program_line(&line.line);
        }
    }
    let build = session.send(session.client().builds().show(session.tool_name(), began.name)).await?;
    report_build(cx, &build, |sentence| result.print_done(&build, sentence))
}

/// Finds the address of the last build from a repository, and its reference.
async fn find_last_source(session: &ToolSession<'_>, create: &mut BuildCreate) -> Result<String> {
    let last =
        super::list_builds(session).await?.into_iter().find(|build| !build.parameters.source_url.is_empty());
    let Some(last) = last else {
        return Err(Error::invalid("no-source", "no source is named, and no earlier build has one")
            .help("hearth build start ."));
    };
    if create.reference.is_none() && !last.parameters.reference.is_empty() {
        create.reference = Some(last.parameters.reference);
    }
    Ok(last.parameters.source_url)
}

fn report_build(cx: &CommandContext, build: &Build, done: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let id = build.build_id;
    match build.status {
        BuildStatus::BuildSuccess => match build.reused_build {
            Some(former) => done(&format!(
                "{} is up to date: nothing has changed since the build {former}",
                build.destination_image
            )),
            None => done(&format!("{} is built from {}", build.destination_image, describe_source(build))),
        },
        BuildStatus::BuildPending | BuildStatus::BuildRunning => {
            done(&format!("build {id} of {} continues", describe_source(build)))?;
            cx.printer.print_next("hearth build logs -f");
            Ok(())
        }
        _ => {
            let message = if build.message.is_empty() { describe_build_state(build) } else { &build.message };
            Err(Error::invalid("build-failed", format!("build {id}: {message}"))
                .help(format!("hearth build logs {id}")))
        }
    }
}
