//! `hearth build start [SOURCE]`: builds, and shows the log until it is over.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use hearth_base::{Error, Result};
use hearth_wire::builds::{Build, BuildCreate, BuildCreateQuery, BuildStatus};

use super::{logs::Log, source, state};
use crate::{at_tool::AtTool, context::Context, flags::DryRun, pack, upload::upload};

/// What `hearth build start` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address of a git repository, or a folder; absent: what was built last
    #[arg(value_hint = clap::ValueHint::DirPath)]
    source: Option<String>,
    /// Its branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// What the image is called; absent: tool-NAME
    #[arg(long, short, value_name = "NAME")]
    image_name: Option<String>,
    /// A variable while the image is made; may be given again
    #[arg(long = "envvar", short, value_name = "NAME=VALUE")]
    envvars: Vec<Setting>,
    /// Return at once, without the log
    #[arg(long, short = 'D')]
    detach: bool,
    /// Wait behind other builds instead of being refused
    #[arg(long)]
    queue: bool,
    /// Taken for compatibility: base images are always the newest
    #[arg(long, short = 'L', hide_short_help = true)]
    use_latest_versions: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// `NAME=VALUE`.
#[derive(Debug, Clone)]
struct Setting(String, String);

impl FromStr for Setting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Error::invalid("envvar", "a variable is written NAME=VALUE"))?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

/// Builds.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Build>()?;
    let Args { source, reference, image_name, envvars, detach, queue, use_latest_versions, dry_run } = args;
    let at = cx.at_tool()?;
    let envvars: BTreeMap<_, _> = envvars.into_iter().map(|Setting(name, value)| (name, value)).collect();
    let mut create = BuildCreate {
        reference,
        image_name,
        envvars: (!envvars.is_empty()).then_some(envvars),
        use_latest_versions,
        ..BuildCreate::default()
    };
    let source = match source {
        Some(source) => source,
        None => last_source(&at, &mut create).await?,
    };
    if dry_run.dry_run {
        return cx.printer.answer()?.said(&create, &format!("would build {source}"));
    }
    if pack::is_folder(&source) {
        create.upload = Some(upload(cx, &at, Path::new(&source)).await?.id);
    } else {
        create.source_url = Some(source);
    }
    let began = at.ask(at.client().builds().start(at.name(), &create, &BuildCreateQuery { queue })).await?;
    if !detach {
        let mut log = Log::open(&at, began.name, true).await?;
        while let Some(line) = cx.patiently("the build", log.next()).await? {
            cx.printer.note_line(&line.line);
        }
    }
    let build = at.ask(at.client().builds().show(at.name(), began.name)).await?;
    finished(cx, &build, |sentence| answer.done(&build, sentence))
}

/// What was built last, from where it can be had again.
async fn last_source(at: &AtTool<'_>, create: &mut BuildCreate) -> Result<String> {
    let last = super::all(at).await?.into_iter().find(|build| !build.parameters.source_url.is_empty());
    let Some(last) = last else {
        return Err(Error::invalid("no-source", "nothing says what to build").help("hearth build start ."));
    };
    if create.reference.is_none() && !last.parameters.reference.is_empty() {
        create.reference = Some(last.parameters.reference);
    }
    Ok(last.parameters.source_url)
}

fn finished(cx: &Context, build: &Build, done: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let id = build.build_id;
    match build.status {
        BuildStatus::BuildSuccess => {
            done(&format!("{} is built from {}", build.destination_image, source(build)))
        }
        BuildStatus::BuildPending | BuildStatus::BuildRunning => {
            done(&format!("build {id} of {} goes on", source(build)))?;
            cx.printer.next("hearth build logs -f");
            Ok(())
        }
        _ => {
            let message = if build.message.is_empty() { state(build) } else { &build.message };
            Err(Error::invalid("build-failed", format!("build {id}: {message}"))
                .help(format!("hearth build logs {id}")))
        }
    }
}
