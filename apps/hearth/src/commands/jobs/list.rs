//! `hearth jobs list`.

use hearth_base::Result;
use hearth_wire::jobs::Job;

use crate::{
    context::Context,
    job_calls::list_jobs,
    printer::{Cell, Table},
};

/// What `hearth jobs list` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How much to print of each: normal, long, or the name alone
    #[arg(long, short, value_name = "FORMAT", default_value = "normal", hide_possible_values = true)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Normal,
    Long,
    Name,
}

/// Lists them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Job>()?;
    let Args { output } = args;
    let jobs = list_jobs(&cx.at_tool()?, false).await?;
    let mut table = Table::of(match output {
        Output::Name => &["job"],
        Output::Normal => &["job", "type", "how it is"],
        Output::Long => &["job", "type", "image", "memory", "cpu", "command", "how it is"],
    });
    for job in &jobs {
        let name = Cell::from(job.name.as_str());
        let status = Cell::from(job.status_long.as_str());
        match output {
            Output::Name => table.row([name]),
            Output::Normal => table.row([name, Cell::from(sort(job)), status]),
            Output::Long => table.row([
                name,
                Cell::from(sort(job)),
                Cell::from(job.image.as_str()),
                Cell::from(job.memory.map_or("-".to_owned(), |memory| memory.to_string())),
                Cell::from(job.cpu.map_or("-".to_owned(), |cpu| cpu.to_string())),
                Cell::from(job.cmd.as_str()),
                status,
            ]),
        }
    }
    answer.listed(&jobs, &table)?;
    if jobs.is_empty() {
        cx.printer.note("No jobs yet.");
        cx.printer.next("hearth jobs run -h");
    }
    Ok(())
}

/// The sort of a job, and when it runs.
pub fn sort(job: &Job) -> String {
    match &job.schedule {
        Some(schedule) => format!("{} ({schedule})", job.job_type.word()),
        None => job.job_type.word().to_owned(),
    }
}
