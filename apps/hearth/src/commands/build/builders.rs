//! `hearth build builders …`: outside builders of a tool, and its choice between them.

use hearth_base::{BuilderName, Error, Result};
use hearth_wire::builds::outside::{
    BuilderChoice, OWN_BUILDERS, OutsideBuilder, OutsideBuilderCreate, OutsideBuilderSecret,
};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
};

/// Note below a new secret.
pub const SECRET_NOTE: &str =
    "The builder checks the signatures of announcements with the secret. It is shown only once.";

/// Command that lists the builders that a tool may choose.
const LIST_COMMAND: &str = "hearth build builders list";

/// Commands about outside builders.
#[derive(Debug, clap::Subcommand)]
pub enum OutsideBuildersCommand {
    /// List the outside builders that the tool may choose
    #[command(before_help = "Example: hearth build builders list", help_template = HELP_TEMPLATE)]
    List,
    /// Register an outside builder, to which builds are announced
    #[command(before_help = "Example: hearth build builders add ci https://ci.example.org/hearth",
        help_template = HELP_TEMPLATE)]
    Add(AddBuilderArgs),
    /// Remove an outside builder; the builds that it has fail
    #[command(before_help = "Example: hearth build builders remove ci", help_template = HELP_TEMPLATE)]
    Remove(RemoveBuilderArgs),
    /// Choose the builder of the tool's builds
    #[command(name = "use", before_help = "Example: hearth build builders use ci", help_template = HELP_TEMPLATE)]
    Use(UseBuilderArgs),
}

/// The arguments of the commands that register an outside builder.
#[derive(Debug, clap::Args)]
pub struct AddBuilderArgs {
    /// The name: 1 to 40 lower-case letters, digits and hyphens
    name: BuilderName,
    /// The address for POST requests: https://… at a public address
    url: String,
    /// Build with Hearth's own builders if it refuses a build
    #[arg(long)]
    fall_back: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of the commands that remove an outside builder.
#[derive(Debug, clap::Args)]
pub struct RemoveBuilderArgs {
    /// The builder
    pub name: BuilderName,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// The arguments of `hearth build builders use`.
#[derive(Debug, clap::Args)]
pub struct UseBuilderArgs {
    /// The builder; hearth: this Hearth's own
    name: BuilderName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a change; `done` is false in a dry run.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangedOutsideBuilder {
    pub builder: BuilderName,
    pub done: bool,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: OutsideBuildersCommand) -> Result<()> {
    match command {
        OutsideBuildersCommand::List => list_builders(cx).await,
        OutsideBuildersCommand::Add(args) => add_builder(cx, args).await,
        OutsideBuildersCommand::Remove(args) => remove_builder(cx, args).await,
        OutsideBuildersCommand::Use(args) => use_builder(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &OutsideBuildersCommand) -> &'static str {
    match command {
        OutsideBuildersCommand::List => "nothing was changed",
        OutsideBuildersCommand::Add(_)
        | OutsideBuildersCommand::Remove(_)
        | OutsideBuildersCommand::Use(_) => {
            "the change may be done already; hearth build builders list shows it"
        }
    }
}

async fn list_builders(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<OutsideBuilder>()?;
    let session = cx.open_tool_session()?;
    let list = session.send(session.client().builds().list_tool_builders(session.tool_name())).await?;
    result.print_list(&list.builders, &build_table(&list.builders, list.chosen.as_ref()))?;
    match &list.chosen {
        Some(chosen) => cx.printer.print_note(&format!("Builds go to {chosen}.")),
        None => cx.printer.print_note("Builds go to the builders of this Hearth."),
    }
    Ok(())
}

/// Builds the table of outside builders.
pub fn build_table(builders: &[OutsideBuilder], chosen: Option<&BuilderName>) -> Table {
    let mut table = Table::with_headings(&["builder", "of", "address", "if it refuses", "chosen", "added"]);
    for builder in builders {
        table.add_row([
            Cell::from(builder.name.as_str()),
            Cell::from(if builder.shared { "this Hearth" } else { "the tool" }),
            Cell::from(builder.url.as_str()),
            Cell::from(if builder.falls_back { "built here" } else { "fails" }),
            Cell::from(if chosen == Some(&builder.name) { "yes" } else { "-" }),
            Cell::from(builder.created),
        ]);
    }
    table
}

impl AddBuilderArgs {
    /// Returns the builder to register, or prints what a dry run would do.
    pub fn into_create(self, cx: &CommandContext) -> Result<Option<OutsideBuilderCreate>> {
        let Self { name, url, fall_back, dry_run } = self;
        if !dry_run.dry_run {
            return Ok(Some(OutsideBuilderCreate { name, url, falls_back: fall_back }));
        }
        let result = cx.printer.open_output::<ChangedOutsideBuilder>()?;
        let sentence = format!("would add the outside builder {name} at {url}");
        result.print_sentence(&ChangedOutsideBuilder { builder: name, done: false }, &sentence)?;
        Ok(None)
    }
}

/// Prints a new outside builder with its secret.
pub fn print_secret(cx: &CommandContext, made: &OutsideBuilderSecret) -> Result<()> {
    let table = Table::from_pairs([
        ("builder", Cell::from(made.builder.name.as_str())),
        ("address", Cell::from(made.builder.url.as_str())),
        ("secret", Cell::from(made.secret.expose_secret())),
    ]);
    cx.printer.open_output::<OutsideBuilderSecret>()?.print_record(made, &table)?;
    cx.printer.print_note(SECRET_NOTE);
    Ok(())
}

async fn add_builder(cx: &CommandContext, args: AddBuilderArgs) -> Result<()> {
    let session = cx.open_tool_session()?;
    let Some(create) = args.into_create(cx)? else { return Ok(()) };
    let builds = session.client().builds();
    let made = session.send(builds.add_tool_builder(session.tool_name(), &create)).await?;
    print_secret(cx, &made)?;
    cx.printer.print_next(&format!("hearth build builders use {}", made.builder.name));
    Ok(())
}

async fn remove_builder(cx: &CommandContext, args: RemoveBuilderArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedOutsideBuilder>()?;
    let RemoveBuilderArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let target = format!("the outside builder {name} and its secret");
    if dry_run.dry_run {
        let list = session.send(session.client().builds().list_tool_builders(session.tool_name())).await?;
        require_builder(list.builders.iter().filter(|builder| !builder.shared), &name, LIST_COMMAND)?;
        let changed = ChangedOutsideBuilder { builder: name, done: false };
        return result.print_sentence(&changed, &format!("would remove {target}"));
    }
    cx.require_confirmation("remove", &target).await?;
    session.send(session.client().builds().remove_tool_builder(session.tool_name(), &name)).await?;
    result.print_done(&ChangedOutsideBuilder { builder: name, done: true }, &format!("{target} are removed"))
}

/// Checks that a builder is in a list, which `list_command` shows.
pub fn require_builder<'a>(
    mut builders: impl Iterator<Item = &'a OutsideBuilder>,
    name: &BuilderName,
    list_command: &'static str,
) -> Result<()> {
    match builders.any(|builder| builder.name == *name) {
        true => Ok(()),
        false => Err(Error::not_found("builder", name).help(list_command)),
    }
}

async fn use_builder(cx: &CommandContext, args: UseBuilderArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedOutsideBuilder>()?;
    let UseBuilderArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let builds = session.client().builds();
    let who = match name.as_str() {
        OWN_BUILDERS => "the builders of this Hearth".to_owned(),
        name => name.to_owned(),
    };
    if dry_run.dry_run {
        let list = session.send(builds.list_tool_builders(session.tool_name())).await?;
        if name.as_str() != OWN_BUILDERS {
            require_builder(list.builders.iter(), &name, LIST_COMMAND)?;
        }
        let changed = ChangedOutsideBuilder { builder: name, done: false };
        return result.print_sentence(&changed, &format!("builds would go to {who}"));
    }
    let choice = BuilderChoice { builder: Some(name.clone()) };
    session.send(builds.choose_tool_builder(session.tool_name(), &choice)).await?;
    result.print_done(&ChangedOutsideBuilder { builder: name, done: true }, &format!("builds go to {who}"))
}
