//! `hearth jobs run NAME`.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_wire::jobs::{ExecSize, Job, JobCreate, JobsQuery, RunQuery, SchedulePlan, ScheduleQuery, Wait};

use super::{
    JOB_DELETED, deleting,
    interactive::{self, How},
    list::sort,
    spec::Spec,
    wait,
};
use crate::{at_tool::AtTool, attach, commands::logs, context::Context, exit::Exit, flags::DryRun};

/// What `hearth jobs run` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    spec: Spec,
    /// Wait until it is over, so many seconds at most
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "600",
        conflicts_with_all = ["schedule", "continuous", "webservice"]
    )]
    wait: Option<u64>,
    /// Run it with what is typed here
    #[arg(long, short, conflicts_with_all = ["schedule", "continuous", "webservice", "wait"], hide_short_help = true)]
    interactive: bool,
    /// Hand this terminal to it
    #[arg(long, short, requires = "interactive", hide_short_help = true)]
    tty: bool,
    /// Print what it wrote and delete it when it is over
    #[arg(long, conflicts_with_all = ["schedule", "continuous", "webservice"], hide_short_help = true)]
    rm: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// How long is waited for a run that is deleted when it is over, in seconds.
const USUAL: u64 = 600;

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<Exit> {
    let Args { mut spec, wait, interactive, tty, rm, dry_run } = args;
    let named = spec.name.is_some();
    if interactive && !named {
        spec.name = Some(interactive::some_name()?);
    }
    let create = spec.create()?;
    let at = cx.at_tool()?;
    let name = create.name.clone();
    if dry_run.dry_run {
        let sentence =
            format!("would make the {} job {name} from {}", create.kind().word(), create.imagename);
        let plan = match &create.schedule {
            Some(schedule) => Some(preview(&at, &create, schedule).await?),
            None => None,
        };
        cx.printer.answer()?.said(&create, &sentence)?;
        if let Some(SchedulePlan { schedule_actual, timezone, due }) = plan {
            cx.printer.note(&format!("It would be due at {schedule_actual} ({timezone}), next:"));
            due.iter().for_each(|due| cx.printer.note(&format!("  {}", due.local)));
        }
        return Ok(Exit::Done);
    }
    if interactive {
        let terminal = if tty { Some(terminal()?) } else { None };
        return interactive::run(cx, &at, create, How { terminal, removed: rm, named }).await;
    }
    if rm {
        return passing(cx, &at, &create, Duration::from_secs(wait.unwrap_or(USUAL))).await;
    }
    let answer = cx.printer.answer::<Job>()?;
    let mut job = at.ask(at.client().jobs().create(at.name(), &create)).await?;
    if let Some(seconds) = wait {
        job = wait::until_over(cx, &at, &name, Duration::from_secs(seconds)).await?;
        answer.done(&job, &format!("{name} is over: {}", job.status_long))?;
        return Ok(Exit::Done);
    }
    answer.done(&job, &format!("{} job {name} is made", sort(&job)))?;
    cx.printer.next(&format!("hearth logs -f {name}"));
    Ok(Exit::Done)
}

/// Runs a job of which nothing but its output is left.
async fn passing(cx: &Context, at: &AtTool<'_>, create: &JobCreate, limit: Duration) -> Result<Exit> {
    let jobs = at.client().jobs();
    at.ask(jobs.create(at.name(), create)).await?;
    cx.leftover.is(deleting(at, &create.name), JOB_DELETED);
    let over = wait::until_over(cx, at, &create.name, limit).await;
    if matches!(&over, Err(error) if error.code() == wait::STILL_RUNNING) {
        return over.map(|_| Exit::Done);
    }
    // From here on others may make a job of this name.
    cx.leftover.is_nothing();
    let job = at.ask(jobs.show(at.name(), &create.name, &JobsQuery::default())).await?;
    if let Some(run) = &job.status.run {
        // Its last lines may be on their way.
        at.ask(jobs.run(at.name(), &create.name, run, &RunQuery { wait: Some(Wait::MOST) })).await?;
    }
    match logs::print(cx, at, Some(&create.name), logs::Which::newest(false)).await {
        Err(error) if error.code() == "no-such-log" => {}
        printed => printed?,
    }
    at.ask(deleting(at, &create.name)).await?;
    over.map(|_| Exit::Done)
}

fn terminal() -> Result<ExecSize> {
    attach::terminal().ok_or_else(|| {
        Error::invalid("no-terminal", "this is no terminal that a program could be given")
            .help("leave -t out")
    })
}

/// What its schedule would mean.
async fn preview(at: &AtTool<'_>, create: &JobCreate, schedule: &str) -> Result<SchedulePlan> {
    let query = ScheduleQuery {
        schedule: schedule.to_owned(),
        job: Some(create.name.clone()),
        timezone: create.timezone.clone(),
    };
    at.ask(at.client().jobs().schedule(at.name(), &query)).await
}
