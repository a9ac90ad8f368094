//! `hearth admin outside-builders …`: outside builders that every tool may choose.

use hearth_base::Result;
use hearth_wire::builds::outside::OutsideBuilder;

use crate::{
    commands::build::builders::{
        AddBuilderArgs, ChangedOutsideBuilder, RemoveBuilderArgs, build_table, print_secret, require_builder,
    },
    context::CommandContext,
    flags::HELP_TEMPLATE,
};

/// Command that lists these builders.
const LIST_COMMAND: &str = "hearth admin outside-builders list";

/// Commands about outside builders of all tools.
#[derive(Debug, clap::Subcommand)]
pub enum OutsideBuildersCommand {
    /// List the outside builders that every tool may choose
    #[command(before_help = "Example: hearth admin outside-builders list", help_template = HELP_TEMPLATE)]
    List,
    /// Register an outside builder that every tool may choose
    #[command(before_help = "Example: hearth admin outside-builders add ci https://ci.example.org/hearth",
        help_template = HELP_TEMPLATE)]
    Add(AddBuilderArgs),
    /// Remove an outside builder; the builds that it has fail
    #[command(before_help = "Example: hearth admin outside-builders remove ci", help_template = HELP_TEMPLATE)]
    Remove(RemoveBuilderArgs),
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: OutsideBuildersCommand) -> Result<()> {
    match command {
        OutsideBuildersCommand::List => list_builders(cx).await,
        OutsideBuildersCommand::Add(args) => add_builder(cx, args).await,
        OutsideBuildersCommand::Remove(args) => remove_builder(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &OutsideBuildersCommand) -> &'static str {
    match command {
        OutsideBuildersCommand::List => "nothing was changed",
        OutsideBuildersCommand::Add(_) | OutsideBuildersCommand::Remove(_) => {
            "the change may be done already; hearth admin outside-builders list shows it"
        }
    }
}

async fn list_builders(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<OutsideBuilder>()?;
    let session = cx.open_session()?;
    let builders = session.send(session.client.builds().list_outside_builders()).await?.builders;
    result.print_list(&builders, &build_table(&builders, None))?;
    if builders.is_empty() {
        cx.printer.print_next("hearth admin outside-builders add NAME ADDRESS");
    }
    Ok(())
}

async fn add_builder(cx: &CommandContext, args: AddBuilderArgs) -> Result<()> {
    let session = cx.open_session()?;
    let Some(create) = args.into_create(cx)? else { return Ok(()) };
    let made = session.send(session.client.builds().add_outside_builder(&create)).await?;
    print_secret(cx, &made)
}

async fn remove_builder(cx: &CommandContext, args: RemoveBuilderArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedOutsideBuilder>()?;
    let RemoveBuilderArgs { name, dry_run } = args;
    let session = cx.open_session()?;
    let target = format!("the outside builder {name} and its secret");
    if dry_run.dry_run {
        let list = session.send(session.client.builds().list_outside_builders()).await?;
        require_builder(list.builders.iter(), &name, LIST_COMMAND)?;
        let changed = ChangedOutsideBuilder { builder: name, done: false };
        return result.print_sentence(&changed, &format!("would remove {target}"));
    }
    cx.require_confirmation("remove", &target).await?;
    session.send(session.client.builds().remove_outside_builder(&name)).await?;
    result.print_done(&ChangedOutsideBuilder { builder: name, done: true }, &format!("{target} are removed"))
}
