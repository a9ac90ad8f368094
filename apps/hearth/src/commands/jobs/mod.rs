//! `hearth jobs …`: what runs, as Toolforge's `jobs` says it, flag for flag.

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
pub mod spec;
pub mod stop;
mod wait;
pub mod written;

use hearth_base::{JobName, Result};

use crate::{at_tool::AtTool, context::Context, exit::Exit, flags::TEMPLATE};

/// What to do with jobs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a job: run once, by the clock, or for ever
    #[command(
        before_help = "Example: hearth jobs run tidy --image python3.11 --command ./tidy.sh --schedule @daily",
        help_template = TEMPLATE
    )]
    Run(Box<run::Args>),
    /// List jobs and how they are
    #[command(before_help = "Example: hearth jobs list", help_template = TEMPLATE)]
    List(list::Args),
    /// Show a job
    #[command(before_help = "Example: hearth jobs show tidy", help_template = TEMPLATE)]
    Show(show::Args),
    /// List a job's runs and how they ended
    #[command(before_help = "Example: hearth jobs runs tidy", help_template = TEMPLATE)]
    Runs(runs::Args),
    /// List when a job was due, and what became of that
    #[command(before_help = "Example: hearth jobs history tidy", help_template = TEMPLATE)]
    History(history::Args),
    /// Print what a job wrote
    #[command(before_help = "Example: hearth jobs logs tidy --follow", help_template = TEMPLATE)]
    Logs(logs::Args),
    /// Start a job anew; one that is not continuous runs now
    #[command(before_help = "Example: hearth jobs restart tidy", help_template = TEMPLATE)]
    Restart(restart::Args),
    /// End what runs of a job, which stays
    #[command(before_help = "Example: hearth jobs stop tidy", help_template = TEMPLATE)]
    Stop(stop::Args),
    /// Change how many of a continuous job run side by side
    #[command(before_help = "Example: hearth jobs scale worker 3", help_template = TEMPLATE)]
    Scale(scale::Args),
    /// Leave a job alone for a while
    #[command(before_help = "Example: hearth jobs pause tidy", help_template = TEMPLATE)]
    Pause(pause::Args),
    /// Have a paused job go on
    #[command(before_help = "Example: hearth jobs resume tidy", help_template = TEMPLATE)]
    Resume(pause::Args),
    /// Stop and delete a job
    #[command(before_help = "Example: hearth jobs delete tidy", help_template = TEMPLATE)]
    Delete(delete::Args),
    /// Stop and delete all jobs
    #[command(before_help = "Example: hearth jobs flush", help_template = TEMPLATE, hide = true)]
    Flush(flush::Args),
    /// Make jobs as a file says
    #[command(before_help = "Example: hearth jobs load jobs.yaml", help_template = TEMPLATE, hide = true)]
    Load(load::Args),
    /// Write jobs down, as load reads them
    #[command(before_help = "Example: hearth jobs dump --to-file jobs.yaml", help_template = TEMPLATE, hide = true)]
    Dump(dump::Args),
    /// List the images that jobs can use
    #[command(before_help = "Example: hearth jobs images", help_template = TEMPLATE, hide = true)]
    Images,
    /// Say how much may run, and does
    #[command(before_help = "Example: hearth jobs quota", help_template = TEMPLATE, hide = true)]
    Quota,
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<Exit> {
    match command {
        Command::Run(args) => return run::run(cx, *args).await,
        Command::List(args) => list::run(cx, args).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Runs(args) => runs::run(cx, args).await,
        Command::History(args) => history::run(cx, args).await,
        Command::Logs(args) => logs::run(cx, args).await,
        Command::Restart(args) => restart::run(cx, args).await,
        Command::Stop(args) => stop::run(cx, args).await,
        Command::Scale(args) => scale::run(cx, args).await,
        Command::Pause(args) => pause::pause(cx, args).await,
        Command::Resume(args) => pause::resume(cx, args).await,
        Command::Delete(args) => delete::run(cx, args).await,
        Command::Flush(args) => flush::run(cx, args).await,
        Command::Load(args) => load::run(cx, args).await,
        Command::Dump(args) => dump::run(cx, args).await,
        Command::Images => images::run(cx).await,
        Command::Quota => quota::run(cx).await,
    }
    .map(|()| Exit::Done)
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Run(_) => "the job may be there already and goes on; hearth jobs list shows it",
        Command::Restart(_) => "the job may be starting anew already; hearth jobs list shows it",
        Command::Stop(_) | Command::Scale(_) | Command::Pause(_) | Command::Resume(_) => {
            "it may be done already; hearth jobs show says how it is"
        }
        Command::Delete(_) | Command::Flush(_) => {
            "jobs may be gone already; hearth jobs list shows what is left"
        }
        Command::Load(_) => "some jobs may be made already; the same command finishes",
        Command::Logs(_) => "the job goes on",
        Command::List(_)
        | Command::Show(_)
        | Command::Runs(_)
        | Command::History(_)
        | Command::Dump(_)
        | Command::Images
        | Command::Quota => "nothing was changed",
    }
}

/// The sentence for Ctrl-C after which such a job was deleted.
const JOB_DELETED: &str = "the job is deleted";

/// Deletes a job that was made for this command alone.
fn deleting(at: &AtTool<'_>, name: &JobName) -> impl Future<Output = Result<()>> + use<> {
    let (client, tool, name) = (at.client().clone(), at.name().clone(), name.clone());
    async move { client.jobs().delete(&tool, &name).await.map(drop) }
}
