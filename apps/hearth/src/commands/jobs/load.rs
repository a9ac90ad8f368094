//! `hearth jobs load FILE`: jobs become what the file says; with `--prune`, those it does not name go.

use std::path::{Path, PathBuf};

use hearth_base::{Error, JobName, Result};
use hearth_wire::jobs::JobCreate;
use serde::{Deserialize, Serialize};

use super::spec::Spec;
use crate::{
    at_tool::AtTool,
    context::Context,
    flags::DryRun,
    job_calls::list_jobs,
    nearest::nearest,
    printer::{Cell, Table},
    trouble::why,
};

/// What `hearth jobs load` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A list of jobs in YAML, as hearth jobs dump writes it
    file: PathBuf,
    /// Only this job of the file
    #[arg(long, value_name = "NAME", conflicts_with = "prune")]
    job: Option<JobName>,
    /// Also delete the jobs that the file does not name
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What became of one job.
#[derive(Debug, Serialize, Deserialize)]
struct Loaded {
    name: JobName,
    change: Change,
}

/// What a job's entry in the file means for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Added,
    Changed,
    Same,
    Deleted,
}

/// Loads them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Loaded>()?;
    let Args { file, job, prune, dry_run } = args;
    let mut wanted = read(&file)?;
    if let Some(job) = &job {
        pick(cx, &mut wanted, job, &file)?;
    }
    let at = cx.at_tool()?;
    let before: Vec<Spec> = list_jobs(&at, true).await?.iter().map(Spec::of).collect();
    let mut loaded = Vec::new();
    for (spec, create) in &wanted {
        let known = before.iter().find(|known| known.name.as_ref() == Some(&create.name));
        let change = match known {
            None => Change::Added,
            Some(known) if known == spec => Change::Same,
            Some(_) => Change::Changed,
        };
        let change = if dry_run.dry_run { change } else { put(&at, create, change).await? };
        loaded.push(Loaded { name: create.name.clone(), change });
    }
    if prune {
        let named = |name: &JobName| wanted.iter().any(|(_, create)| create.name == *name);
        for name in before.into_iter().filter_map(|spec| spec.name).filter(|name| !named(name)) {
            if !dry_run.dry_run {
                at.ask(at.client().jobs().delete(at.name(), &name)).await?;
            }
            loaded.push(Loaded { name, change: Change::Deleted });
        }
    }
    let mut table = Table::of(&["job", "what"]);
    for Loaded { name, change } in &loaded {
        table.row([Cell::from(name.as_str()), Cell::from(change.word(dry_run.dry_run))]);
    }
    answer.listed(&loaded, &table)
}

impl Change {
    fn word(self, only_said: bool) -> &'static str {
        match (self, only_said) {
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

/// Makes the job so. The server compares better than we can: it knows what defaults mean.
async fn put(at: &AtTool<'_>, create: &JobCreate, change: Change) -> Result<Change> {
    let changed = at.ask(at.client().jobs().update(at.name(), create)).await?.job_changed;
    Ok(match change {
        Change::Added => Change::Added,
        _ if changed => Change::Changed,
        _ => Change::Same,
    })
}

/// All jobs of the file, checked before anything is made.
fn read(file: &Path) -> Result<Vec<(Spec, JobCreate)>> {
    let refused = |why: &str| Error::invalid("job-file", format!("{} cannot be used: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|cause| refused(&why(&cause)))?;
    let specs: Vec<Spec> = serde_saphyr::from_str(&text).map_err(|cause| {
        let cause = cause.to_string();
        let first = cause.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        refused(&first).help("write a list of jobs, each with a name, an image and a command")
    })?;
    let mut jobs: Vec<(Spec, JobCreate)> = Vec::new();
    for spec in specs {
        let create = spec.create()?;
        if jobs.iter().any(|(_, known)| known.name == create.name) {
            return Err(refused(&format!("{} is in it twice", create.name)));
        }
        jobs.push((spec, create));
    }
    Ok(jobs)
}

fn pick(cx: &Context, wanted: &mut Vec<(Spec, JobCreate)>, job: &JobName, file: &Path) -> Result<()> {
    let names: Vec<String> = wanted.iter().map(|(_, create)| create.name.to_string()).collect();
    wanted.retain(|(_, create)| create.name == *job);
    if !wanted.is_empty() {
        return Ok(());
    }
    let error = Error::invalid("no-such-job", format!("{} has no job {job}", file.display()))
        .also(format!("Its jobs are {}.", names.join(", ")));
    let near = nearest(job.as_str(), names.iter().map(String::as_str));
    let command = near.and_then(|near| cx.words.with(job.as_str(), near));
    Err(match command {
        Some(command) => error.help(command),
        None => error,
    })
}
