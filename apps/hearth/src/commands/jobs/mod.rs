//! `hearth jobs …`: jobs of a tool, with the flags of Toolforge's `jobs`.

pub mod definition;
pub mod delete;
pub mod dump;
pub mod flush;
pub mod history;
pub mod images;
pub mod interactive;
pub mod list;
pub mod load;
pub mod logs;
pub mod pause;
pub mod quota;
pub mod restart;
pub mod run;
pub mod runs;
pub mod scale;
pub mod show;
pub mod stop;
pub mod update;
pub mod values;
mod wait;

use hearth_base::{JobName, Result};

use crate::{context::CommandContext, exit::Exit, flags::HELP_TEMPLATE, tool_session::ToolSession};

/// Commands about jobs.
#[derive(Debug, clap::Subcommand)]
pub enum JobCommand {
    /// Create a job: one-off, scheduled or continuous
    #[command(
        before_help = "Example: hearth jobs run tidy --image python3.11 --command ./tidy.sh --schedule @daily",
        help_template = HELP_TEMPLATE
    )]
    Run(Box<run::RunJobArgs>),
    /// List jobs with their status
    #[command(before_help = "Example: hearth jobs list", help_template = HELP_TEMPLATE)]
    List(list::ListJobsArgs),
    /// Show a job
    #[command(before_help = "Example: hearth jobs show tidy", help_template = HELP_TEMPLATE)]
    Show(show::ShowJobArgs),
    /// List the runs of a job
    #[command(before_help = "Example: hearth jobs runs tidy", help_template = HELP_TEMPLATE)]
    Runs(runs::ListRunsArgs),
    /// List the due times of a job with their outcomes
    #[command(before_help = "Example: hearth jobs history tidy", help_template = HELP_TEMPLATE)]
    History(history::ListDueTimesArgs),
    /// Print the logs of a job
    #[command(before_help = "Example: hearth jobs logs tidy --follow", help_template = HELP_TEMPLATE)]
    Logs(logs::PrintJobLogsArgs),
    /// Restart a continuous job, or run a scheduled job now
    #[command(before_help = "Example: hearth jobs restart tidy", help_template = HELP_TEMPLATE)]
    Restart(restart::RestartJobArgs),
    /// Stop the runs of a job, without deleting it
    #[command(before_help = "Example: hearth jobs stop tidy", help_template = HELP_TEMPLATE)]
    Stop(stop::StopJobArgs),
    /// Change parts of a job, such as its memory or schedule
    #[command(before_help = "Example: hearth jobs update tidy --mem 512Mi --schedule @hourly", help_template = HELP_TEMPLATE, hide = true)]
    Update(Box<update::UpdateJobArgs>),
    /// Set the replicas of a continuous job
    #[command(before_help = "Example: hearth jobs scale worker 3", help_template = HELP_TEMPLATE)]
    Scale(scale::ScaleJobArgs),
    /// Pause a job
    #[command(before_help = "Example: hearth jobs pause tidy", help_template = HELP_TEMPLATE)]
    Pause(pause::PauseJobArgs),
    /// Resume a paused job
    #[command(before_help = "Example: hearth jobs resume tidy", help_template = HELP_TEMPLATE)]
    Resume(pause::PauseJobArgs),
    /// Stop and delete a job
    #[command(before_help = "Example: hearth jobs delete tidy", help_template = HELP_TEMPLATE)]
    Delete(delete::DeleteJobArgs),
    /// Stop and delete all jobs
    #[command(before_help = "Example: hearth jobs flush", help_template = HELP_TEMPLATE, hide = true)]
    Flush(flush::FlushJobsArgs),
    /// Create and change jobs from a file
    #[command(before_help = "Example: hearth jobs load jobs.yaml", help_template = HELP_TEMPLATE, hide = true)]
    Load(load::LoadJobsArgs),
    /// Write jobs to a file for hearth jobs load
    #[command(before_help = "Example: hearth jobs dump --to-file jobs.yaml", help_template = HELP_TEMPLATE, hide = true)]
    Dump(dump::DumpJobsArgs),
    /// List the images for jobs
    #[command(before_help = "Example: hearth jobs images", help_template = HELP_TEMPLATE, hide = true)]
    Images,
    /// Show quota and usage
    #[command(before_help = "Example: hearth jobs quota", help_template = HELP_TEMPLATE, hide = true)]
    Quota,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: JobCommand) -> Result<Exit> {
    match command {
        JobCommand::Run(args) => return run::run(cx, *args).await,
        JobCommand::List(args) => list::run(cx, args).await,
        JobCommand::Show(args) => show::run(cx, args).await,
        JobCommand::Runs(args) => runs::run(cx, args).await,
        JobCommand::History(args) => history::run(cx, args).await,
        JobCommand::Logs(args) => logs::run(cx, args).await,
        JobCommand::Restart(args) => restart::run(cx, args).await,
        JobCommand::Stop(args) => stop::run(cx, args).await,
        JobCommand::Scale(args) => scale::run(cx, args).await,
        JobCommand::Update(args) => update::run(cx, *args).await,
        JobCommand::Pause(args) => pause::pause(cx, args).await,
        JobCommand::Resume(args) => pause::resume(cx, args).await,
        JobCommand::Delete(args) => delete::run(cx, args).await,
        JobCommand::Flush(args) => flush::run(cx, args).await,
        JobCommand::Load(args) => load::run(cx, args).await,
        JobCommand::Dump(args) => dump::run(cx, args).await,
        JobCommand::Images => images::run(cx).await,
        JobCommand::Quota => quota::run(cx).await,
    }
    .map(|()| Exit::Done)
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &JobCommand) -> &'static str {
    match command {
        JobCommand::Run(_) => "the job may exist already and continues; hearth jobs list shows it",
        JobCommand::Restart(_) => "the job may be restarting already; hearth jobs list shows it",
        JobCommand::Stop(_)
        | JobCommand::Scale(_)
        | JobCommand::Update(_)
        | JobCommand::Pause(_)
        | JobCommand::Resume(_) => "the change may be done already; hearth jobs list shows it",
        JobCommand::Delete(_) | JobCommand::Flush(_) => {
            "jobs may be deleted already; hearth jobs list shows the rest"
        }
        JobCommand::Load(_) => "some jobs may be changed already; the same command finishes",
        JobCommand::Logs(_) => "the job continues",
        JobCommand::List(_)
        | JobCommand::Show(_)
        | JobCommand::Runs(_)
        | JobCommand::History(_)
        | JobCommand::Dump(_)
        | JobCommand::Images
        | JobCommand::Quota => "nothing was changed",
    }
}

/// The message after Ctrl-C when the temporary job was deleted.
const JOB_DELETED_NOTE: &str = "the job is deleted";

/// Returns a future that deletes a temporary job.
fn delete_job(session: &ToolSession<'_>, name: &JobName) -> impl Future<Output = Result<()>> + use<> {
    let (client, tool, name) = (session.client().clone(), session.tool_name().clone(), name.clone());
    async move { client.jobs().delete(&tool, &name).await.map(drop) }
}
