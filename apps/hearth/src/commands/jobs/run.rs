//! `hearth jobs run NAME`: creates a job.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_wire::jobs::{
    ExecSize, Job, JobCreate, JobsQuery, RunQuery, SchedulePlan, ScheduleQuery, WaitSeconds,
};

use super::{
    JOB_DELETED_NOTE,
    definition::JobDefinition,
    delete_job,
    interactive::{self, InteractiveOptions},
    list::describe_job_type,
    wait,
};
use crate::{
    attach, commands::logs, context::CommandContext, exit::Exit, flags::DryRun, tool_session::ToolSession,
};

/// The arguments of `hearth jobs run`.
#[derive(Debug, clap::Args)]
pub struct RunJobArgs {
    #[command(flatten)]
    spec: JobDefinition,
    /// Wait for the job's end, at most this many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "600",
        conflicts_with_all = ["schedule", "continuous", "webservice"]
    )]
    wait: Option<u64>,
    /// Connect standard input to the program
    #[arg(long, short, conflicts_with_all = ["schedule", "continuous", "webservice", "wait"], hide_short_help = true)]
    interactive: bool,
    /// Attach this terminal to the program
    #[arg(long, short, requires = "interactive", hide_short_help = true)]
    tty: bool,
    /// Print the output and delete the job at its end
    #[arg(long, conflicts_with_all = ["schedule", "continuous", "webservice"], hide_short_help = true)]
    rm: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The wait in seconds for a job that is deleted at its end.
const DEFAULT_WAIT_SECONDS: u64 = 600;

/// Creates the job.
pub async fn run(cx: &CommandContext, args: RunJobArgs) -> Result<Exit> {
    let RunJobArgs { mut spec, wait, interactive, tty, rm, dry_run } = args;
    let is_named_by_user = spec.name.is_some();
    if interactive && !is_named_by_user {
        spec.name = Some(interactive::generate_job_name()?);
    }
    let create = spec.with_default_log(cx).to_job_create()?;
    let session = cx.open_tool_session()?;
    let name = create.name.clone();
    if dry_run.dry_run {
        let sentence = format!(
            "would create the {} job {name} from {}",
            create.effective_type().as_str(),
            create.imagename
        );
        let plan = match &create.schedule {
            Some(schedule) => Some(preview_schedule(&session, &create, schedule).await?),
            None => None,
        };
        cx.printer.open_output()?.print_sentence(&create, &sentence)?;
        if let Some(SchedulePlan { schedule_actual, timezone, due }) = plan {
            cx.printer
                .print_note(&format!("The schedule is {schedule_actual} ({timezone}); the next due times:"));
            due.iter().for_each(|due| cx.printer.print_note(&format!("  {}", due.local)));
        }
        return Ok(Exit::Done);
    }
    if interactive {
        let terminal = if tty { Some(require_terminal()?) } else { None };
        return interactive::run(
            cx,
            &session,
            create,
            InteractiveOptions { terminal, delete_when_over: rm, is_named_by_user },
        )
        .await;
    }
    if rm {
        return run_and_delete_job(
            cx,
            &session,
            &create,
            Duration::from_secs(wait.unwrap_or(DEFAULT_WAIT_SECONDS)),
        )
        .await;
    }
    let result = cx.printer.open_output::<Job>()?;
    let job = session.send(session.client().jobs().create(session.tool_name(), &create)).await?;
    if let Some(seconds) = wait {
        let end = wait::wait_for_job_end(cx, &session, &name, Duration::from_secs(seconds)).await?;
        if end.is_success() {
            result.print_done(&end.job, &format!("{name} ended: {}", end.job.status_long))?;
        } else {
            cx.printer.print_error(&end.build_error());
        }
        return Ok(end.to_exit());
    }
    result.print_done(&job, &format!("{} job {name} is created", describe_job_type(&job)))?;
    cx.printer.print_next(&format!("hearth logs -f {name}"));
    Ok(Exit::Done)
}

/// Runs a job, prints its output and deletes it. Ends with the exit status of the program.
async fn run_and_delete_job(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    create: &JobCreate,
    limit: Duration,
) -> Result<Exit> {
    let jobs = session.client().jobs();
    session.send(jobs.create(session.tool_name(), create)).await?;
    cx.cleanup.register_cleanup(delete_job(session, &create.name), JOB_DELETED_NOTE);
    let end = match wait::wait_for_job_end(cx, session, &create.name, limit).await {
        Err(error) if error.code() == wait::STILL_RUNNING_CODE => return Err(error),
        end => end,
    };
    // From here on another user may create a job of this name, so the cleanup must not delete it.
    cx.cleanup.clear_cleanup();
    let job = session.send(jobs.show(session.tool_name(), &create.name, &JobsQuery::default())).await?;
    if let Some(run) = &job.status.run {
        // The wait makes sure that the last lines have reached the log.
        session
            .send(jobs.show_run(
                session.tool_name(),
                &create.name,
                run,
                &RunQuery { wait: Some(WaitSeconds::MAX_WAIT) },
            ))
            .await?;
    }
    match logs::print_logs(cx, session, Some(&create.name), logs::LogSelection::newest_lines(false)).await {
        Err(error) if error.code() == "no-such-log" => {}
        printed => printed?,
    }
    session.send(delete_job(session, &create.name)).await?;
    let end = end?;
    if !end.is_success() {
        // Its log is deleted with it.
        let Job { name, status_long, .. } = &end.job;
        cx.printer.print_error(&Error::invalid("job-failed", format!("{name} failed: {status_long}")));
    }
    Ok(end.to_exit())
}

fn require_terminal() -> Result<ExecSize> {
    attach::find_terminal_size()
        .ok_or_else(|| Error::invalid("no-terminal", "there is no terminal to attach").help("omit -t"))
}

/// Fetches the next due times of a schedule.
async fn preview_schedule(
    session: &ToolSession<'_>,
    create: &JobCreate,
    schedule: &str,
) -> Result<SchedulePlan> {
    let query = ScheduleQuery {
        schedule: schedule.to_owned(),
        job: Some(create.name.clone()),
        timezone: create.timezone.clone(),
    };
    session.send(session.client().jobs().preview_schedule(session.tool_name(), &query)).await
}
