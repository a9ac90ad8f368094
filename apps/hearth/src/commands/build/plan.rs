//! `hearth build plan [DIR]`: shows how a folder would be built, without a server.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};
use hearth_plan::{BuildPlan, SourceKind};
use hearth_wire::components::DEFAULT_COMPONENT;
use serde::{Deserialize, Serialize};

use super::recipe_args::RecipeArgs;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth build plan`.
#[derive(Debug, clap::Args)]
pub struct PlanBuildArgs {
    /// The folder; default: this one
    #[arg(default_value = ".", hide_default_value = true)]
    folder: PathBuf,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Print the Containerfile instead
    #[arg(long)]
    containerfile: bool,
}

/// The plan as a result.
#[derive(Debug, Serialize, Deserialize)]
struct BuildPlanView {
    kind: String,
    base: Option<String>,
    processes: BTreeMap<String, String>,
    because: Vec<String>,
    containerfile: Option<String>,
}

/// Prints the plan.
pub fn run(cx: &CommandContext, args: &PlanBuildArgs) -> Result<()> {
    let result = cx.printer.open_output::<BuildPlanView>()?;
    let PlanBuildArgs { folder, recipe, containerfile } = args;
    if !folder.is_dir() {
        return Err(Error::invalid("no-folder", format!("{} is not a folder", folder.display()))
            .help("hearth build plan FOLDER"));
    }
    let plan =
        recipe.plan_build(folder).map_err(|error| recipe.propose_folder(folder, &cx.command_line, error))?;
    let next = describe_next_step(&plan, folder);
    let planned = BuildPlanView {
        kind: describe_source_kind(&plan).to_owned(),
        base: plan.base_image().map(str::to_owned),
        processes: plan.processes.iter().map(|(name, line)| (name.clone(), line.clone())).collect(),
        containerfile: plan.render_containerfile(&|base| format!("hearth/{base}"), &[])?,
        because: plan.reasons,
    };
    if *containerfile {
        let Some(text) = &planned.containerfile else {
            return Err(Error::invalid("own-containerfile", "the folder has its own Containerfile"));
        };
        return result.print_text(&planned, text);
    }
    let mut rows = vec![("kind", Cell::from(planned.kind.as_str()))];
    rows.extend(planned.base.as_deref().map(|base| ("base image", Cell::from(base))));
    let processes = planned.processes.iter().map(|(name, line)| format!("{name}: {line}"));
    rows.extend(processes.map(|process| ("process", Cell::from(process))));
    rows.extend(planned.because.iter().map(|sentence| ("reason", Cell::from(sentence.as_str()))));
    result.print_record(&planned, &Table::from_pairs(rows))?;
    cx.printer.print_next(&next);
    Ok(())
}

/// Describes what to do with this plan: deploy its page or its program without a page, or add a start command.
fn describe_next_step(plan: &BuildPlan, folder: &Path) -> String {
    let folder = folder.display();
    let here = if folder.to_string() == "." { String::new() } else { format!(" {folder}") };
    if plan.can_start(DEFAULT_COMPONENT) {
        return format!("hearth deploy{here}");
    }
    if let Some(line) = &plan.suggested_process {
        return format!("add a Procfile with a line such as {line}");
    }
    let mut names = plan.processes.keys();
    let without_page = |flags: &str| {
        format!("for a program without a page: hearth deploy{here} {flags}--continuous, or --schedule @daily")
    };
    match (names.next(), names.next()) {
        (Some(_), None) => without_page(""),
        (Some(first), Some(_)) => without_page(&format!("--component {first} ")),
        (None, _) => {
            format!("add a Procfile with a line such as web: COMMAND; {}", without_page("--command COMMAND "))
        }
    }
}

fn describe_source_kind(plan: &BuildPlan) -> &'static str {
    match plan.kind {
        SourceKind::Containerfile => "its own Containerfile",
        SourceKind::Python => "Python",
        SourceKind::Node => "JavaScript",
        SourceKind::Php => "PHP",
        SourceKind::Ruby => "Ruby",
        SourceKind::Java => "Java",
        SourceKind::Go => "Go",
        SourceKind::Rust => "Rust",
        SourceKind::StaticFiles => "static files",
        SourceKind::PlainFiles => "files and commands",
    }
}
