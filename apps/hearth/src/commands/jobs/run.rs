//! `hearth jobs run NAME`.

use std::time::Duration;

use hearth_base::Result;
use hearth_wire::jobs::{Job, JobCreate, SchedulePlan, ScheduleQuery};

use super::{list::sort, spec::Spec, wait};
use crate::{at_tool::AtTool, cli::DryRun, context::Context};

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
    #[command(flatten)]
    dry_run: DryRun,
}

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Job>()?;
    let Args { spec, wait, dry_run } = args;
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
        return Ok(());
    }
    let mut job = at.ask(at.client().jobs().create(at.name(), &create)).await?;
    if let Some(seconds) = wait {
        job = wait::until_over(cx, &at, &name, Duration::from_secs(seconds)).await?;
        return answer.done(&job, &format!("{name} is over: {}", job.status_long));
    }
    answer.done(&job, &format!("{} job {name} is made", sort(&job)))?;
    cx.printer.next(&format!("hearth logs -f {name}"));
    Ok(())
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
