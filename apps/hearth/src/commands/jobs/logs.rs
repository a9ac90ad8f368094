//! `hearth jobs logs NAME`: the same as `hearth logs NAME`.

use hearth_base::{JobName, Result};

use crate::{
    commands::logs::{self, LogSelection},
    context::CommandContext,
};

/// The arguments of `hearth jobs logs`.
#[derive(Debug, clap::Args)]
pub struct PrintJobLogsArgs {
    /// The job
    name: JobName,
    #[command(flatten)]
    which: LogSelection,
}

/// Prints the logs.
pub async fn run(cx: &CommandContext, args: PrintJobLogsArgs) -> Result<()> {
    let PrintJobLogsArgs { name, which } = args;
    logs::print_logs(cx, &cx.open_tool_session()?, Some(&name), which).await
}
