//! `hearth admin package-sources …`: archives of Debian packages that builds get besides Debian.

use std::path::PathBuf;

use hearth_base::{Error, PackageSourceName, Result, ToolName};
use hearth_plan::{MAX_KEY_BYTES, MAX_SOURCE_BYTES, PackageSourceFile, PackageSourceKey};
use hearth_wire::builds::{PackageSource, PackageSourceAccess, PackageSourcePut};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    local_file::read_limited_file,
    printer::{Cell, Table},
};

/// Commands about package sources.
#[derive(Debug, clap::Subcommand)]
pub enum PackageSourcesCommand {
    /// List the package sources
    #[command(before_help = "Example: hearth admin package-sources list", help_template = HELP_TEMPLATE)]
    List,
    /// Show a package source with its key
    #[command(before_help = "Example: hearth admin package-sources show pgdg", help_template = HELP_TEMPLATE)]
    Show(ShowSourceArgs),
    /// Add a package source, or replace it
    #[command(before_help = "Example: hearth admin package-sources add pgdg --file pgdg.sources --key pgdg.asc",
        help_template = HELP_TEMPLATE)]
    Add(AddSourceArgs),
    /// Remove a package source from this Hearth
    #[command(before_help = "Example: hearth admin package-sources remove pgdg", help_template = HELP_TEMPLATE)]
    Remove(ChangeSourceArgs),
    /// Let the builds of a tool use a package source
    #[command(before_help = "Example: hearth admin package-sources grant pgdg dup-finder", help_template = HELP_TEMPLATE)]
    Grant(GrantSourceArgs),
    /// Take a package source from a tool
    #[command(before_help = "Example: hearth admin package-sources revoke pgdg dup-finder", help_template = HELP_TEMPLATE)]
    Revoke(GrantSourceArgs),
}

/// The arguments of `hearth admin package-sources show`.
#[derive(Debug, clap::Args)]
pub struct ShowSourceArgs {
    /// The package source
    name: PackageSourceName,
}

/// The arguments of `hearth admin package-sources remove`.
#[derive(Debug, clap::Args)]
pub struct ChangeSourceArgs {
    /// The package source
    name: PackageSourceName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth admin package-sources grant` and `revoke`.
#[derive(Debug, clap::Args)]
pub struct GrantSourceArgs {
    /// The package source
    name: PackageSourceName,
    /// The tool
    tool_name: ToolName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth admin package-sources add`.
#[derive(Debug, clap::Args)]
pub struct AddSourceArgs {
    /// Name of the package source: lower-case letters, digits and hyphens
    name: PackageSourceName,
    /// File in the deb822 form of sources.list
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Public OpenPGP key that signs the packages
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// Let the builds of all tools use it
    #[arg(long)]
    all_tools: bool,
    /// Let its packages replace those of Debian
    #[arg(long)]
    override_debian: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a change; `done` is false in a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedSource {
    name: PackageSourceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<ToolName>,
    done: bool,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: PackageSourcesCommand) -> Result<()> {
    match command {
        PackageSourcesCommand::List => list_sources(cx).await,
        PackageSourcesCommand::Show(args) => show_source(cx, args).await,
        PackageSourcesCommand::Add(args) => add_source(cx, args).await,
        PackageSourcesCommand::Remove(args) => remove_source(cx, args).await,
        PackageSourcesCommand::Grant(args) => change_grant(cx, args, true).await,
        PackageSourcesCommand::Revoke(args) => change_grant(cx, args, false).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &PackageSourcesCommand) -> &'static str {
    match command {
        PackageSourcesCommand::List | PackageSourcesCommand::Show(_) => "nothing was changed",
        _ => "the change may be done already; hearth admin package-sources list shows it",
    }
}

async fn list_sources(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<PackageSource>()?;
    let session = cx.open_session()?;
    let sources = session.send(session.client.builds().list_package_sources()).await?;
    let mut table = Table::with_headings(&["name", "tools", "addresses", "Debian's packages", "changed"]);
    for source in &sources {
        table.add_row([
            Cell::from(source.name.as_str()),
            Cell::from(describe_access(source)),
            Cell::from(describe_uris(source)),
            Cell::from(if source.overrides_debian { "replaced" } else { "preferred" }),
            Cell::from(source.updated),
        ]);
    }
    result.print_list(&sources, &table)?;
    if sources.is_empty() {
        cx.printer.print_note("Builds install packages from Debian only.");
        cx.printer.print_next("hearth admin package-sources add NAME --file FILE --key KEYFILE");
    }
    Ok(())
}

async fn show_source(cx: &CommandContext, args: ShowSourceArgs) -> Result<()> {
    let result = cx.printer.open_output::<PackageSource>()?;
    let session = cx.open_session()?;
    let source = session.send(session.client.builds().show_package_source(&args.name)).await?;
    let text = format!(
        "# {}, for {}; Debian's packages are {}\n{}\n{}",
        source.name,
        describe_access(&source),
        if source.overrides_debian { "replaced" } else { "preferred" },
        source.file,
        source.key
    );
    result.print_text(&source, &text)
}

async fn add_source(cx: &CommandContext, args: AddSourceArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedSource>()?;
    let AddSourceArgs { name, file, key, all_tools, override_debian, dry_run } = args;
    // Checked here too, so that errors name the file, and a key in binary form can be sent as text.
    let text = read_limited_file(&file, MAX_SOURCE_BYTES)?;
    let text = String::from_utf8(text).map_err(|_| {
        Error::invalid("package-source", format!("{} is no text", file.display()))
            .help("pass a file in the deb822 form of sources.list")
    })?;
    let put = PackageSourcePut {
        file: PackageSourceFile::parse(&text)?.render_file(),
        key: PackageSourceKey::parse_file(&read_limited_file(&key, MAX_KEY_BYTES)?)?.render_armor(),
        access: if all_tools { PackageSourceAccess::All } else { PackageSourceAccess::Granted },
        overrides_debian: override_debian,
    };
    let session = cx.open_session()?;
    if dry_run.dry_run {
        let sentence = format!("would add the package source {name}");
        return result.print_sentence(&ChangedSource { name, tool: None, done: false }, &sentence);
    }
    session.send(session.client.builds().put_package_source(&name, &put)).await?;
    let audience = if all_tools { "builds of all tools use it" } else { "grant it to tools" };
    let sentence = format!("the package source {name} is added: {audience}");
    let next = format!("hearth admin package-sources grant {name} TOOL");
    result.print_done(&ChangedSource { name, tool: None, done: true }, &sentence)?;
    if !all_tools {
        cx.printer.print_next(&next);
    }
    Ok(())
}

async fn remove_source(cx: &CommandContext, args: ChangeSourceArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedSource>()?;
    let ChangeSourceArgs { name, dry_run } = args;
    let session = cx.open_session()?;
    let source = session.send(session.client.builds().show_package_source(&name)).await?;
    let target = format!("the package source {name} of {}", describe_access(&source));
    if dry_run.dry_run {
        let sentence = format!("would remove {target}");
        return result.print_sentence(&ChangedSource { name, tool: None, done: false }, &sentence);
    }
    cx.require_confirmation("remove", &target).await?;
    session.send(session.client.builds().remove_package_source(&name)).await?;
    let sentence = format!("the package source {name} is removed");
    result.print_done(&ChangedSource { name, tool: None, done: true }, &sentence)
}

async fn change_grant(cx: &CommandContext, args: GrantSourceArgs, is_grant: bool) -> Result<()> {
    let result = cx.printer.open_output::<ChangedSource>()?;
    let GrantSourceArgs { name, tool_name, dry_run } = args;
    let session = cx.open_session()?;
    let builds = session.client.builds();
    let (planned, done) = match is_grant {
        true => ("grant", format!("builds of {tool_name} use the package source {name}")),
        false => ("revoke", format!("builds of {tool_name} no longer use the package source {name}")),
    };
    if dry_run.dry_run {
        let sentence = format!("would {planned} {name} for {tool_name}");
        let changed = ChangedSource { name, tool: Some(tool_name), done: false };
        return result.print_sentence(&changed, &sentence);
    }
    match is_grant {
        true => session.send(builds.grant_package_source(&tool_name, &name)).await?,
        false => session.send(builds.revoke_package_source(&tool_name, &name)).await?,
    }
    result.print_done(&ChangedSource { name, tool: Some(tool_name), done: true }, &done)
}

fn describe_access(source: &PackageSource) -> String {
    match (source.access, source.granted) {
        (PackageSourceAccess::All, _) => "all tools".to_owned(),
        (PackageSourceAccess::Granted, 0) => "no tool".to_owned(),
        (PackageSourceAccess::Granted, 1) => "1 tool".to_owned(),
        (PackageSourceAccess::Granted, count) => format!("{count} tools"),
    }
}

fn describe_uris(source: &PackageSource) -> String {
    PackageSourceFile::parse(&source.file).map_or_else(|_| "-".to_owned(), |file| file.uris().join(", "))
}
