//! `hearth plan`: shows what a deployment would change, before anything happens.

use std::{collections::BTreeMap, path::PathBuf};

use hearth_base::{Error, Result};
use hearth_wire::components::{
    DeploySource, DeploymentCreate, DeploymentPlan, DeploymentPlanQuery, FieldChange, GitSource,
    PlannedAction, PlannedComponent,
};
use serde_json::Value;

use crate::{
    commands::deploy::{ConfigArgs, compute_source_digests},
    context::CommandContext,
    pack,
    printer::{Cell, Table},
    tool_session::ToolSession,
    upload::UploadArgs,
};

/// The arguments of `hearth plan`.
#[derive(Debug, clap::Args)]
pub struct PlanDeploymentArgs {
    /// A folder, or the address of a git repository; default: this folder
    #[arg(default_value = ".", hide_default_value = true, value_hint = clap::ValueHint::DirPath)]
    source: String,
    /// The repository's branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Plan this environment of hearth.yaml; default: production
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The configuration with the components; default: hearth.yaml of the folder
    #[arg(long = "config", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Plan the stored configuration instead of a source
    #[arg(long, conflicts_with_all = ["source", "reference", "file"])]
    stored: bool,
}

/// Shows the plan.
pub async fn run(cx: &CommandContext, args: PlanDeploymentArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeploymentPlan>()?;
    let next = args.describe_deployment();
    let (session, create, query) = match args.stored {
        true => {
            let create = DeploymentCreate { environment: args.environment, ..DeploymentCreate::default() };
            (cx.open_tool_session()?, create, DeploymentPlanQuery::default())
        }
        false => build_request(cx, args).await?,
    };
    let plan = fetch_plan(cx, &session, &create, &query).await?;
    result.print_record(&plan, &build_plan_table(&plan))?;
    match has_changes(&plan) {
        true => cx.printer.print_next(&next),
        false => cx.printer.print_note("Nothing would change."),
    }
    Ok(())
}

impl PlanDeploymentArgs {
    /// Returns the command that deploys what is planned.
    fn describe_deployment(&self) -> String {
        let mut words = vec!["hearth deploy".to_owned()];
        if self.source != "." {
            words.push(self.source.clone());
        }
        words.extend(self.reference.as_ref().map(|reference| format!("--ref {reference}")));
        words.extend(self.file.as_ref().map(|file| format!("--config {}", file.display())));
        words.extend(self.stored.then(|| "--stored".to_owned()));
        words.extend(self.environment.as_ref().map(|name| format!("--environment {name}")));
        words.join(" ")
    }
}

/// Builds the request for a folder, which is not uploaded, or for a repository.
async fn build_request(
    cx: &CommandContext,
    args: PlanDeploymentArgs,
) -> Result<(ToolSession<'_>, DeploymentCreate, DeploymentPlanQuery)> {
    let PlanDeploymentArgs { source, reference, environment, file, .. } = args;
    pack::check_source(&source)?;
    let folder = match pack::is_folder(&source) {
        true => Some(cx.settings.folder.open_subfolder(source.as_ref())?),
        false => None,
    };
    if folder.is_some() && reference.is_some() {
        let what = "--ref applies to repositories only; a folder is deployed as it is";
        return Err(
            Error::invalid("ref-of-folder", what).help("omit --ref, or give the address of the repository")
        );
    }
    let tool = match &folder {
        Some(folder) => cx.require_tool_of_folder(folder)?,
        None => cx.require_tool()?,
    };
    let config = ConfigArgs::new(environment.clone(), file).find_config(folder.as_ref())?;
    let source_digests = match (&folder, &config) {
        (Some(_), Some(config)) if config.has_file_patterns() => {
            let selection = UploadArgs::default().select_folder(cx, source.as_ref()).await?;
            compute_source_digests(cx, config, selection).await?.1
        }
        _ => BTreeMap::new(),
    };
    let query = DeploymentPlanQuery { folder: folder.is_some() };
    let git = folder.is_none().then_some(DeploySource::Git(GitSource { url: source, reference }));
    let create = DeploymentCreate {
        source: git,
        config: config.map(|config| config.text),
        environment,
        source_digests,
        ..DeploymentCreate::default()
    };
    Ok((cx.open_session_for_tool(tool)?, create, query))
}

/// Fetches a plan, and prints warnings about the configuration.
pub async fn fetch_plan(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    create: &DeploymentCreate,
    query: &DeploymentPlanQuery,
) -> Result<DeploymentPlan> {
    let calls = session.client().components();
    let answer = session.send(calls.plan_deployment(session.tool_name(), create, query)).await?;
    answer.messages.warning.iter().for_each(|sentence| cx.printer.print_warning(sentence));
    Ok(answer.data)
}

/// True if a plan changes a job, runs one, or needs a build, whose image may differ.
pub fn has_changes(plan: &DeploymentPlan) -> bool {
    plan.components.iter().any(|planned| planned.action != PlannedAction::Keep || planned.needs_build)
}

/// Builds the table of a plan: a row for each component with its image, and one for each changed field.
pub fn build_plan_table(plan: &DeploymentPlan) -> Table {
    let mut table = Table::with_headings(&["component", "change", "field", "before", "after"]);
    for planned in &plan.components {
        let field = if planned.image.is_empty() { "" } else { "image" };
        table.add_row([
            Cell::from(planned.name.as_str()),
            Cell::from(describe_action(planned)),
            Cell::from(field),
            Cell::from(""),
            Cell::from(planned.image.as_str()),
        ]);
        for change in &planned.changes {
            table.add_row([
                Cell::from(planned.name.as_str()),
                Cell::from(""),
                Cell::from(name_field(change)),
                Cell::from(describe_value(change.from.as_ref())),
                Cell::from(describe_value(change.to.as_ref())),
            ]);
        }
    }
    table
}

fn describe_action(planned: &PlannedComponent) -> &'static str {
    match planned.action {
        PlannedAction::Create => "create",
        PlannedAction::Update => "change",
        PlannedAction::Run => "run once",
        PlannedAction::Remove => "remove",
        PlannedAction::Keep if planned.needs_build => "build",
        PlannedAction::Keep => "keep",
    }
}

/// Names a field of a job as the configuration does.
fn name_field(change: &FieldChange) -> &str {
    match change.field.as_str() {
        "cmd" => "command",
        "publish" => "page",
        "job_type" => "type",
        field => field,
    }
}

fn describe_value(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
