//! `hearth jobs load FILE`: creates and changes jobs from a file; `--prune` deletes the others.

use std::path::{Path, PathBuf};

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::JobCreate;
use serde::{Deserialize, Serialize};

use super::definition::JobDefinition;
use crate::{
    context::CommandContext,
    flags::DryRun,
    io_error::describe_io_error,
    job_calls::list_jobs,
    nearest::find_nearest,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// The arguments of `hearth jobs load`.
#[derive(Debug, clap::Args)]
pub struct LoadJobsArgs {
    /// A list of jobs in YAML, as hearth jobs dump writes it
    file: PathBuf,
    /// Load only this job of the file
    #[arg(long, value_name = "NAME", conflicts_with = "prune")]
    job: Option<JobName>,
    /// Also delete jobs that the file does not name
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result for one job.
#[derive(Debug, Serialize, Deserialize)]
struct LoadedJob {
    name: JobName,
    change: JobChange,
}

/// The change of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JobChange {
    Added,
    Changed,
    Same,
    Deleted,
}

/// Loads the jobs.
pub async fn run(cx: &CommandContext, args: LoadJobsArgs) -> Result<()> {
    let result = cx.printer.open_output::<LoadedJob>()?;
    let LoadJobsArgs { file, job, prune, dry_run } = args;
    let mut definitions = read_job_file(&file)?;
    if let Some(job) = &job {
        select_job(cx, &mut definitions, job, &file)?;
    }
    let session = cx.open_tool_session()?;
    let before: Vec<JobDefinition> =
        list_jobs(&session, true).await?.iter().map(JobDefinition::from_job).collect();
    let mut loaded = Vec::new();
    for (spec, create) in &definitions {
        let current = before.iter().find(|known| known.name.as_ref() == Some(&create.name));
        let change = match current {
            None => JobChange::Added,
            Some(known) if known == spec => JobChange::Same,
            Some(_) => JobChange::Changed,
        };
        let change = if dry_run.dry_run { change } else { apply_job(&session, create, change).await? };
        loaded.push(LoadedJob { name: create.name.clone(), change });
    }
    if prune {
        let is_in_file = |name: &JobName| definitions.iter().any(|(_, create)| create.name == *name);
        for name in before.into_iter().filter_map(|spec| spec.name).filter(|name| !is_in_file(name)) {
            if !dry_run.dry_run {
                session.send(session.client().jobs().delete(session.tool_name(), &name)).await?;
            }
            loaded.push(LoadedJob { name, change: JobChange::Deleted });
        }
    }
    let mut table = Table::with_headings(&["job", "change"]);
    for LoadedJob { name, change } in &loaded {
        table.add_row([Cell::from(name.as_str()), Cell::from(change.describe_change(dry_run.dry_run))]);
    }
    result.print_list(&loaded, &table)
}

impl JobChange {
    fn describe_change(self, is_dry_run: bool) -> &'static str {
        match (self, is_dry_run) {
            (Self::Added, false) => "added",
            (Self::Changed, false) => "changed",
            (Self::Deleted, false) => "deleted",
            (Self::Same, _) => "nothing to change",
            (Self::Added, true) => "would be added",
            (Self::Changed, true) => "would be changed",
            (Self::Deleted, true) => "would be deleted",
        }
    }
}

/// Applies a job definition. The server reports whether it changed anything, because it knows the defaults.
async fn apply_job(session: &ToolSession<'_>, create: &JobCreate, change: JobChange) -> Result<JobChange> {
    let changed =
        session.send(session.client().jobs().update(session.tool_name(), create)).await?.job_changed;
    Ok(match change {
        JobChange::Added => JobChange::Added,
        _ if changed => JobChange::Changed,
        _ => JobChange::Same,
    })
}

/// Reads and checks all jobs of the file before any change.
fn read_job_file(file: &Path) -> Result<Vec<(JobDefinition, JobCreate)>> {
    let refused = |why: &str| Error::invalid("job-file", format!("{} cannot be used: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|cause| {
        refused(&describe_io_error(&cause)).help("name a file with jobs, as hearth jobs dump prints them")
    })?;
    let specs: Vec<JobDefinition> = serde_saphyr::from_str(&text).map_err(|cause| {
        let cause = cause.to_string();
        let first = cause.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        refused(&first).help("write a list of jobs, each with a name, an image and a command")
    })?;
    let mut jobs: Vec<(JobDefinition, JobCreate)> = Vec::new();
    for spec in specs {
        let create = spec.to_job_create()?;
        if jobs.iter().any(|(_, known)| known.name == create.name) {
            return Err(refused(&format!("it has {} twice", create.name)));
        }
        jobs.push((spec, create));
    }
    Ok(jobs)
}

fn select_job(
    cx: &CommandContext,
    definitions: &mut Vec<(JobDefinition, JobCreate)>,
    job: &JobName,
    file: &Path,
) -> Result<()> {
    let names: Vec<String> = definitions.iter().map(|(_, create)| create.name.to_string()).collect();
    definitions.retain(|(_, create)| create.name == *job);
    if !definitions.is_empty() {
        return Ok(());
    }
    let error = Error::invalid("no-such-job", format!("{} has no job {job}", file.display()))
        .and_message(format!("Its jobs are {}.", names.join(", ")));
    let near = find_nearest(job.as_str(), names.iter().map(String::as_str));
    let command = near.and_then(|near| cx.command_line.with_replacement(job.as_str(), near));
    Err(match command {
        Some(command) => error.help(command),
        None => error,
    })
}
