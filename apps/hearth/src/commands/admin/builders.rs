//! `hearth admin builders …`: which builders there are, and which of them get builds.

use hearth_base::{Error, Result};
use hearth_wire::builds::{Builder, BuilderState};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
    session::Session,
};

/// Commands about builders.
#[derive(Debug, clap::Subcommand)]
pub enum BuildersCommand {
    /// List the builders with their slots, builds and failures
    #[command(before_help = "Example: hearth admin builders list", help_template = HELP_TEMPLATE)]
    List,
    /// Give a builder no further builds; its running builds continue
    #[command(name = "suspend", before_help = "Example: hearth admin builders suspend 4f2c",
        help_template = HELP_TEMPLATE)]
    Suspend(ChangeBuilderArgs),
    /// Give a builder builds again that was suspended
    #[command(before_help = "Example: hearth admin builders return 4f2c", help_template = HELP_TEMPLATE)]
    Return(ChangeBuilderArgs),
}

/// The arguments of the commands that change one builder.
#[derive(Debug, clap::Args)]
pub struct ChangeBuilderArgs {
    /// The builder, as hearth admin builders list shows it
    builder: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a change; `done` is false in a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedBuilder {
    builder: String,
    done: bool,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: BuildersCommand) -> Result<()> {
    match command {
        BuildersCommand::List => list_builders(cx).await,
        BuildersCommand::Suspend(args) => suspend_builder(cx, args).await,
        BuildersCommand::Return(args) => return_builder(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &BuildersCommand) -> &'static str {
    match command {
        BuildersCommand::List => "nothing was changed",
        BuildersCommand::Suspend(_) | BuildersCommand::Return(_) => {
            "the change may be done already; hearth admin builders list shows it"
        }
    }
}

async fn list_builders(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Builder>()?;
    let session = cx.open_session()?;
    let builders = session.send(session.client.builds().list_builders()).await?;
    let headings = ["builder", "state", "builds", "labels", "last seen", "failures", "reason"];
    let mut table = Table::with_headings(&headings);
    for builder in &builders {
        let reason = builder.suspension_reason.as_deref().or(builder.last_error.as_deref());
        table.add_row([
            Cell::from(builder.id.as_str()),
            Cell::from(describe_builder_state(builder.state)),
            Cell::from(format!("{} of {}", builder.running, builder.slots)),
            Cell::from(if builder.labels.is_empty() { "-".to_owned() } else { builder.labels.join(", ") }),
            Cell::from(builder.last_seen),
            Cell::from(builder.failures.to_string()),
            Cell::from(reason.unwrap_or("-")),
        ]);
    }
    result.print_list(&builders, &table)?;
    if builders.is_empty() {
        cx.printer.print_note("No builder has asked for builds yet.");
    }
    Ok(())
}

async fn suspend_builder(cx: &CommandContext, args: ChangeBuilderArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedBuilder>()?;
    let ChangeBuilderArgs { builder, dry_run } = args;
    let session = cx.open_session()?;
    if dry_run.dry_run {
        require_builder(&session, &builder).await?;
        let sentence = format!("would suspend {builder}");
        return result.print_sentence(&ChangedBuilder { builder, done: false }, &sentence);
    }
    session.send(session.client.builds().suspend_builder(&builder)).await?;
    let sentence = format!("{builder} gets no further builds");
    result.print_done(&ChangedBuilder { builder, done: true }, &sentence)
}

async fn return_builder(cx: &CommandContext, args: ChangeBuilderArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedBuilder>()?;
    let ChangeBuilderArgs { builder, dry_run } = args;
    let session = cx.open_session()?;
    if dry_run.dry_run {
        require_builder(&session, &builder).await?;
        let sentence = format!("would return {builder}");
        return result.print_sentence(&ChangedBuilder { builder, done: false }, &sentence);
    }
    session.send(session.client.builds().return_builder(&builder)).await?;
    let sentence = format!("{builder} gets builds again");
    result.print_done(&ChangedBuilder { builder, done: true }, &sentence)
}

async fn require_builder(session: &Session<'_>, id: &str) -> Result<()> {
    let builders = session.send(session.client.builds().list_builders()).await?;
    match builders.iter().any(|builder| builder.id == id) {
        true => Ok(()),
        false => Err(Error::not_found("builder", id).help("hearth admin builders list")),
    }
}

/// Describes the state in one word.
fn describe_builder_state(state: BuilderState) -> &'static str {
    match state {
        BuilderState::Active => "active",
        BuilderState::Suspended => "suspended",
        BuilderState::Absent => "absent",
    }
}
