//! `hearth deploy [SOURCE]`: deploys a folder or a repository and follows the deployment.
//!
//! It creates no tool without `--new`. An interrupt does not stop the deployment, which continues
//! on the server.

mod component;
mod follow;

use std::path::Path;

use clap::ValueHint;
use hearth_base::{BuilderName, Error, JobName, Result, ToolName};
use hearth_plan::{BuildPlan, SourceFolder};
use hearth_wire::components::{
    DEFAULT_COMPONENT, DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentState,
    GitSource,
};
use serde::{Deserialize, Serialize};

use self::component::{COMMAND_COMPONENT, ComponentArgs};
use super::{build::recipe_args::RecipeArgs, new};
use crate::{
    context::CommandContext,
    flags::DryRun,
    nearest::find_nearest,
    pack, page_probe,
    printer::{ResultOutput, Steps},
    settings::{LinkableFolder, SettingSource, Sourced},
    tool_session::ToolSession,
    upload::{UploadArgs, upload_files},
};

/// The arguments of `hearth deploy`.
#[derive(Debug, clap::Args)]
pub struct DeployToolArgs {
    /// A folder, or the address of a git repository; default: this folder
    #[arg(default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath)]
    source: String,
    /// Create this tool first, and link the folder to it
    #[arg(long, value_name = "NAME", conflicts_with = "tool")]
    new: Option<ToolName>,
    /// The repository's branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Follow the newest deployment instead of starting one
    #[arg(long, short, conflicts_with_all = ["new", "reference", "queue"])]
    follow: bool,
    /// Queue behind another deployment instead of failing
    #[arg(long)]
    queue: bool,
    /// A description of the deployment
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// The command; default: the process web
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    #[command(flatten)]
    component: ComponentArgs,
    /// Build even when the source has an image already
    #[arg(long, hide_short_help = true)]
    force_build: bool,
    /// Restart even when nothing changed
    #[arg(long, hide_short_help = true)]
    force_run: bool,
    #[command(flatten)]
    recipe: RecipeArgs,
    #[command(flatten)]
    upload: UploadArgs,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedDeployment {
    tool: ToolName,
    source: String,
}

/// Deploys and follows the deployment.
pub async fn run(cx: &CommandContext, args: DeployToolArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let mut steps = cx.printer.open_steps();
    let (session, begun) = if args.follow {
        let session = cx.open_tool_session()?;
        let latest = session.send(session.client().components().show_latest(session.tool_name())).await?;
        (session, latest)
    } else {
        match begin_deployment(cx, &mut steps, args).await? {
            Some(begun) => begun,
            None => return Ok(()),
        }
    };
    follow_to_end(&session, begun, &mut steps, &result).await
}

/// Follows a deployment to its end and prints its outcome.
pub async fn follow_to_end(
    session: &ToolSession<'_>,
    begun: Deployment,
    steps: &mut Steps<'_>,
    result: &ResultOutput<'_, Deployment>,
) -> Result<()> {
    let over = follow::follow_deployment(session, begun, steps).await?;
    if over.status != DeploymentState::Successful {
        return Err(build_deployment_error(&over));
    }
    if let Some(url) = &over.url {
        steps.begin_step("answer");
        match steps.wait_for(page_probe::wait_until_page_answers(&session.server_session, url)).await {
            true => steps.mark_done(""),
            false => steps.mark_failed("no response yet; hearth logs -f shows the reason"),
        }
    }
    let unpublished = || match &over.schedule {
        Some(schedule) => format!("it runs at {schedule}"),
        None => "the tool runs and is not published".to_owned(),
    };
    let address = over.url.clone().unwrap_or_else(unpublished);
    let revision = over.revision.map(|revision| format!("   revision {revision}")).unwrap_or_default();
    result.print_sentence(&over, &format!("{address}{revision}"))
}

/// Checks everything that can be checked locally, then starts a deployment. Returns `None` after a dry run.
async fn begin_deployment<'a>(
    cx: &'a CommandContext,
    steps: &mut Steps<'_>,
    args: DeployToolArgs,
) -> Result<Option<(ToolSession<'a>, Deployment)>> {
    let DeployToolArgs { source, new, reference, queue, message, command, recipe, upload, dry_run, .. } =
        args;
    let linked = open_source_folder(cx, &source, reference.as_deref(), &upload)?;
    let folder = linked.as_ref().map(|_| Path::new(&source));
    let tool = match &new {
        Some(name) => Sourced::new(name.clone(), SettingSource::Flag("--new")),
        None => match &linked {
            Some(linked) => cx.require_tool_of_folder(linked)?,
            None => cx.require_tool()?,
        },
    };
    let built = folder.map(|folder| recipe.locate_folder(folder));
    let component = args.component.select_name(built.as_deref(), command.is_some())?;
    if let Some(folder) = folder {
        steps.begin_step("plan");
        let planned = plan_folder(cx, &recipe, folder, &component, command.is_some(), &args.component);
        match &planned {
            Ok(sentence) => steps.mark_done(sentence),
            Err(_) => steps.mark_failed("nothing was changed"),
        }
        planned?;
    }
    let selection = match folder {
        Some(folder) => Some(steps.wait_for(upload.select_folder(cx, folder)).await?),
        None => None,
    };
    if dry_run.dry_run {
        let action = if new.is_some() { "create the tool and deploy" } else { "deploy" };
        let would = PlannedDeployment { tool: tool.value, source };
        let sentence = format!("would {action} {} as {}", would.source, would.tool);
        cx.printer.open_output()?.print_sentence(&would, &sentence)?;
        return Ok(None);
    }
    if let Some(name) = new {
        new::ensure_tool(cx, &name, linked.as_ref()).await?;
    }
    let session = cx.open_session_for_tool(tool)?;
    args.component.check_schedule(&session, &component).await?;
    let builder = built.as_deref().and_then(read_builder);
    let source = match selection {
        Some(selection) => {
            DeploySource::Upload(steps.wait_for(upload_files(cx, &session, selection)).await?.id)
        }
        None => DeploySource::Git(GitSource { url: source, reference }),
    };
    let create = DeploymentCreate {
        description: message,
        source: Some(source),
        folder: recipe.source_folder,
        recipe: recipe.recipe,
        builder,
        command,
        ..DeploymentCreate::default()
    };
    let create = args.component.apply_to(component, create);
    let query = DeploymentCreateQuery { force_build: args.force_build, force_run: args.force_run, queue };
    let begun = session
        .send(session.client().components().create_deployment(session.tool_name(), &create, &query))
        .await?;
    Ok(Some((session, begun)))
}

/// Reads which builder the source in a folder declares.
fn read_builder(folder: &Path) -> Option<BuilderName> {
    hearth_plan::read_declared_builder(&SourceFolder::new(folder)).ok().flatten()
}

/// Opens the folder of a source, which may be uploaded; `None` for a repository.
fn open_source_folder(
    cx: &CommandContext,
    source: &str,
    reference: Option<&str>,
    upload: &UploadArgs,
) -> Result<Option<LinkableFolder>> {
    pack::check_source(source)?;
    if !pack::is_folder(source) {
        return upload.check_unused().map(|()| None);
    }
    if reference.is_some() {
        return Err(Error::invalid(
            "ref-of-folder",
            "--ref applies to repositories only; a folder is deployed as it is",
        )
        .help("omit --ref, or give the address of the repository"));
    }
    let folder = cx.settings.folder.open_subfolder(Path::new(source))?;
    folder.check_uploadable().map(|()| Some(folder))
}

/// Describes the build plan in a sentence; refuses a folder without a process to run.
fn plan_folder(
    cx: &CommandContext,
    recipe: &RecipeArgs,
    folder: &Path,
    component: &JobName,
    commanded: bool,
    flags: &ComponentArgs,
) -> Result<String> {
    let plan =
        recipe.plan_build(folder).map_err(|error| recipe.propose_folder(folder, &cx.command_line, error))?;
    let web = component.as_str();
    let can_start = plan.can_start(web);
    let BuildPlan { processes, reasons: because, suggested_process, .. } = plan;
    let runs = processes.get(web);
    if !can_start && !commanded {
        let names = processes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let available = if names.is_empty() { "no processes".to_owned() } else { format!("only {names}") };
        let error =
            Error::invalid("no-such-process", format!("the folder has no process {web}: {available}"));
        let near = find_nearest(web, processes.keys().map(String::as_str));
        if let Some(command) = near.and_then(|near| cx.command_line.with_replacement(web, near)) {
            return Err(error.help(command));
        }
        // A program without a page needs a command, which no plan guesses.
        if flags.names_program() {
            let name = if web == DEFAULT_COMPONENT { COMMAND_COMPONENT } else { web };
            return Err(error
                .and_message(format!(
                    "A line {name}: COMMAND in a Procfile is the command of each deployment."
                ))
                .help(format!("{} 'python bot.py'", cx.command_line.with_argument("--command"))));
        }
        return Err(error
            .and_message("A program without a page runs with --continuous, or with --schedule @daily.")
            .help(if names.is_empty() {
                let line = suggested_process.unwrap_or_else(|| "web: COMMAND".to_owned());
                format!("add a Procfile with a line such as {line}")
            } else {
                cx.command_line.with_argument("--continuous")
            }));
    }
    let reason =
        because.first().and_then(|why| why.split(';').next()).unwrap_or_default().trim_end_matches('.');
    Ok(match runs {
        Some(line) => format!("{reason}; {web}: {line}"),
        None => reason.to_owned(),
    })
}

/// Builds the error of an unsuccessful deployment. It says first which revision still runs.
fn build_deployment_error(over: &Deployment) -> Error {
    let code = over.code.clone().unwrap_or_else(|| match over.status {
        DeploymentState::TimedOut => "deployment-timed-out".to_owned(),
        DeploymentState::Cancelled => "deployment-cancelled".to_owned(),
        _ => "deployment-failed".to_owned(),
    });
    let still = match over.still_running {
        Some(revision) => format!("Nothing changed: revision {revision} still runs."),
        None => "Nothing else changed; no earlier revision was running.".to_owned(),
    };
    let mut lines = over.long_status.lines();
    let what = lines.next().unwrap_or_default();
    let error = Error::new(hearth_base::ErrorKind::Invalid, code, what);
    let error = lines.fold(error, Error::and_message).and_message(still);
    error.help(over.help.as_deref().unwrap_or("hearth logs"))
}
