//! `hearth jobs list`.

use hearth_base::Result;
use hearth_wire::jobs::Job;

use crate::{
    context::CommandContext,
    job_calls::list_jobs,
    printer::{Cell, Table},
};

/// The arguments of `hearth jobs list`.
#[derive(Debug, clap::Args)]
pub struct ListJobsArgs {
    /// The format: normal, long or name
    #[arg(long, short, value_name = "FORMAT", default_value = "normal", hide_possible_values = true)]
    output: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    Normal,
    Long,
    Name,
}

/// Lists the jobs.
pub async fn run(cx: &CommandContext, args: ListJobsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Job>()?;
    let ListJobsArgs { output } = args;
    let jobs = list_jobs(&cx.open_tool_session()?, false).await?;
    let mut table = Table::with_headings(match output {
        ListFormat::Name => &["job"],
        ListFormat::Normal => &["job", "type", "status"],
        ListFormat::Long => &["job", "type", "image", "memory", "cpu", "command", "status"],
    });
    for job in &jobs {
        let name = Cell::from(job.name.as_str());
        let status = Cell::from(job.status_long.as_str());
        match output {
            ListFormat::Name => table.add_row([name]),
            ListFormat::Normal => table.add_row([name, Cell::from(describe_job_type(job)), status]),
            ListFormat::Long => table.add_row([
                name,
                Cell::from(describe_job_type(job)),
                Cell::from(job.image.as_str()),
                Cell::from(job.memory.map_or("-".to_owned(), |memory| memory.to_string())),
                Cell::from(job.cpu.map_or("-".to_owned(), |cpu| cpu.to_string())),
                Cell::from(job.cmd.as_str()),
                status,
            ]),
        }
    }
    result.print_list(&jobs, &table)?;
    if jobs.is_empty() {
        cx.printer.print_note("No jobs yet.");
        cx.printer.print_next("hearth jobs run -h");
    }
    Ok(())
}

/// Describes the type of a job with its schedule.
pub fn describe_job_type(job: &Job) -> String {
    match &job.schedule {
        Some(schedule) => format!("{} ({schedule})", job.job_type.as_str()),
        None => job.job_type.as_str().to_owned(),
    }
}
