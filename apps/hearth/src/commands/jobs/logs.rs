//! `hearth jobs logs NAME`: the same as `hearth logs NAME`.

use hearth_base::{JobName, Result};

use crate::{
    commands::logs::{self, Which},
    context::Context,
};

/// What `hearth jobs logs` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job
    name: JobName,
    #[command(flatten)]
    which: Which,
}

/// Prints them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let Args { name, which } = args;
    logs::print(cx, &cx.at_tool()?, Some(&name), which).await
}
