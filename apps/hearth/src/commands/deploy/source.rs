//! The source of `hearth deploy`: a folder, which is uploaded, or a git repository.

use std::path::Path;

use hearth_base::{BuilderName, Error, JobName, Result, ToolName};
use hearth_plan::{BuildPlan, SourceFolder};
use hearth_wire::components::{
    DEFAULT_COMPONENT, DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, GitSource,
};
use serde::{Deserialize, Serialize};

use super::{
    DeployToolArgs,
    component::{COMMAND_COMPONENT, ComponentArgs},
    config,
    source_digests::compute_source_digests,
    start_deployment,
};
use crate::{
    commands::{build::recipe_args::RecipeArgs, new},
    config_file::ConfigFile,
    context::CommandContext,
    nearest::find_nearest,
    pack::{self, FolderSelection},
    printer::Steps,
    settings::{LinkableFolder, SettingSource, Sourced},
    tool_session::ToolSession,
    upload::{UploadArgs, upload_files},
};

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedDeployment {
    tool: ToolName,
    source: String,
    /// The components of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    components: Vec<String>,
}

/// The components of a deployment.
enum DeployedComponents {
    /// Those that a configuration names.
    Configured(ConfigFile),
    /// The one that the flags name.
    Single(JobName),
}

/// Checks everything that can be checked locally, then starts a deployment. Returns `None` after a dry run.
pub async fn begin_deployment<'a>(
    cx: &'a CommandContext,
    steps: &mut Steps<'_>,
    args: DeployToolArgs,
) -> Result<Option<(ToolSession<'a>, Deployment)>> {
    let linked = open_source_folder(cx, &args.source, args.reference.as_deref(), &args.upload)?;
    let folder = linked.as_ref().map(|_| Path::new(&*args.source));
    let tool = match &args.new {
        Some(name) => Sourced::new(name.clone(), SettingSource::Flag("--new")),
        None => match &linked {
            Some(linked) => cx.require_tool_of_folder(linked)?,
            None => cx.require_tool()?,
        },
    };
    let components = select_components(&args, linked.as_ref(), folder)?;
    if folder.is_some() || matches!(components, DeployedComponents::Configured(_)) {
        steps.begin_step("plan");
        let planned = plan_components(cx, &args, folder, &components);
        match &planned {
            Ok(sentence) => steps.mark_done(sentence),
            Err(_) => steps.mark_failed("nothing was changed"),
        }
        planned?;
    }
    let selection = match folder {
        Some(folder) => Some(steps.wait_for(args.upload.select_folder(cx, folder)).await?),
        None => None,
    };
    if args.dry_run.dry_run {
        return print_plan(cx, args, tool.value, components).map(|()| None);
    }
    if let Some(name) = &args.new {
        new::ensure_tool(cx, name, linked.as_ref()).await?;
    }
    let session = cx.open_session_for_tool(tool)?;
    if let DeployedComponents::Single(component) = &components {
        args.component.check_schedule(&session, component).await?;
    }
    let query =
        DeploymentCreateQuery { force_build: args.force_build, force_run: args.force_run, queue: args.queue };
    let create = build_deployment_create(cx, steps, &session, args, components, selection).await?;
    let begun = start_deployment(cx, &session, &create, &query).await?;
    Ok(Some((session, begun)))
}

/// Selects the components: those of the configuration, or the one that the flags name.
fn select_components(
    args: &DeployToolArgs,
    linked: Option<&LinkableFolder>,
    folder: Option<&Path>,
) -> Result<DeployedComponents> {
    if let Some(file) = args.config.find_config(linked)? {
        let mut flags = args.component.list_given_flags();
        flags.extend(args.command.is_some().then_some("--command"));
        flags.extend(args.recipe.source_folder.is_some().then_some("--folder"));
        flags.extend(args.recipe.recipe.is_some().then_some("--recipe"));
        config::refuse_component_flags(&file, &flags)?;
        return Ok(DeployedComponents::Configured(file));
    }
    let built = folder.map(|folder| args.recipe.locate_folder(folder));
    args.component.select_name(built.as_deref(), args.command.is_some()).map(DeployedComponents::Single)
}

/// Describes what will be deployed in a sentence; refuses a folder without a process to run.
fn plan_components(
    cx: &CommandContext,
    args: &DeployToolArgs,
    folder: Option<&Path>,
    components: &DeployedComponents,
) -> Result<String> {
    match (components, folder) {
        (DeployedComponents::Configured(file), _) => {
            Ok(format!("{}: {}", file.name, file.describe_components()))
        }
        (DeployedComponents::Single(component), Some(folder)) => {
            plan_folder(cx, &args.recipe, folder, component, args.command.is_some(), &args.component)
        }
        (DeployedComponents::Single(component), None) => Ok(component.to_string()),
    }
}

fn print_plan(
    cx: &CommandContext,
    args: DeployToolArgs,
    tool: ToolName,
    components: DeployedComponents,
) -> Result<()> {
    let action = if args.new.is_some() { "create the tool and deploy" } else { "deploy" };
    let mut would = PlannedDeployment { tool, source: args.source, components: Vec::new() };
    let mut sentence = format!("would {action} {} as {}", would.source, would.tool);
    if let DeployedComponents::Configured(file) = components {
        let environment = args.config.environment.map(|name| format!(", environment {name}"));
        sentence.push_str(&format!("{}: {}", environment.unwrap_or_default(), file.describe_components()));
        would.components = file.components;
    }
    cx.printer.open_output()?.print_sentence(&would, &sentence)
}

/// Builds the request; uploads a folder first.
async fn build_deployment_create(
    cx: &CommandContext,
    steps: &mut Steps<'_>,
    session: &ToolSession<'_>,
    args: DeployToolArgs,
    components: DeployedComponents,
    selection: Option<FolderSelection>,
) -> Result<DeploymentCreate> {
    let builder =
        selection.as_ref().and_then(|_| read_builder(&args.recipe.locate_folder(Path::new(&args.source))));
    let (selection, source_digests) = match (&components, selection) {
        (DeployedComponents::Configured(file), Some(selection)) => {
            let digested = steps.wait_for(compute_source_digests(cx, file, selection)).await?;
            (Some(digested.0), digested.1)
        }
        (_, selection) => (selection, Default::default()),
    };
    let source = match selection {
        Some(selection) => {
            DeploySource::Upload(steps.wait_for(upload_files(cx, session, selection)).await?.id)
        }
        None => DeploySource::Git(GitSource { url: args.source, reference: args.reference }),
    };
    let create =
        DeploymentCreate { description: args.message, source: Some(source), ..DeploymentCreate::default() };
    Ok(match components {
        DeployedComponents::Configured(file) => {
            let environment = args.config.environment;
            DeploymentCreate { config: Some(file.text), environment, source_digests, ..create }
        }
        DeployedComponents::Single(component) => {
            let create = DeploymentCreate {
                folder: args.recipe.source_folder,
                recipe: args.recipe.recipe,
                builder,
                command: args.command,
                ..create
            };
            args.component.apply_to(component, create)
        }
    })
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
