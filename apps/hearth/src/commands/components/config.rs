//! `hearth components config …`: the configuration that is stored with the tool.

use std::path::{Path, PathBuf};

use hearth_base::{Error, ErrorKind, Result};
use hearth_wire::components::ConfigDocument;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config_file::{ConfigFile, STORED_CONFIG_NAME},
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    prompter,
    settings::LINK_FILE_NAME,
};

/// Commands about the stored configuration.
#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Store a file as the configuration of the tool
    #[command(before_help = "Example: hearth components config create hearth.yaml", help_template = HELP_TEMPLATE)]
    Create(CreateConfigArgs),
    /// Show the configuration as it was written
    #[command(before_help = "Example: hearth components config show", help_template = HELP_TEMPLATE)]
    Show,
    /// Delete the configuration; components keep running
    #[command(before_help = "Example: hearth components config delete", help_template = HELP_TEMPLATE)]
    Delete(DeleteConfigArgs),
    /// Generate a configuration from the jobs of the tool
    #[command(before_help = "Example: hearth components config generate", help_template = HELP_TEMPLATE)]
    Generate,
}

/// The arguments of `hearth components config create`.
#[derive(Debug, clap::Args)]
pub struct CreateConfigArgs {
    /// The file in YAML; default, and -: standard input
    #[arg(value_name = "CONFIG", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth components config delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteConfigArgs {
    #[command(flatten)]
    dry_run: DryRun,
}

/// A configuration in either format, for `--json`.
#[derive(Debug, Serialize, Deserialize)]
struct ConfigRecord {
    config_version: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_url: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    build: Option<Value>,
    components: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environments: Option<Value>,
}

impl ConfigRecord {
    fn from_document(document: &ConfigDocument) -> Result<Self> {
        serde_json::to_value(document).and_then(serde_json::from_value).map_err(Error::internal)
    }
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: ConfigCommand) -> Result<()> {
    match command {
        ConfigCommand::Create(args) => create(cx, args).await,
        ConfigCommand::Show => show(cx).await,
        ConfigCommand::Delete(args) => delete(cx, args).await,
        ConfigCommand::Generate => generate(cx).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &ConfigCommand) -> &'static str {
    match command {
        ConfigCommand::Create(_) => "the configuration may be stored already; the same command finishes",
        ConfigCommand::Delete(_) => {
            "the configuration may be deleted already; hearth components config show shows it"
        }
        ConfigCommand::Show | ConfigCommand::Generate => "nothing was changed",
    }
}

/// Stores the configuration, unless the stored one has the same text.
async fn create(cx: &CommandContext, args: CreateConfigArgs) -> Result<()> {
    let result = cx.printer.open_output::<ConfigRecord>()?;
    let CreateConfigArgs { file, dry_run } = args;
    let file = read_config(file.as_deref()).await?;
    let session = cx.open_tool_session()?;
    let (tool, calls) = (session.tool_name(), session.client().components());
    let stored = match session.send(calls.show_config_text(tool)).await {
        Ok(stored) => Some(stored.text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let described = file.describe_components();
    if stored.as_deref() == Some(&*file.text) {
        let document = session.send(calls.show_config(tool)).await?.data;
        let sentence =
            format!("nothing to change: the stored configuration has this text already ({described})");
        return result.print_sentence(&ConfigRecord::from_document(&document)?, &sentence);
    }
    if dry_run.dry_run {
        let action = if stored.is_some() { "replace the configuration" } else { "store a configuration" };
        let planned = PlannedConfig { file: file.name.clone(), components: file.components.clone() };
        let sentence = format!("would {action} of {tool} with {}: {described}", file.name);
        return cx.printer.open_output()?.print_sentence(&planned, &sentence);
    }
    let saved = session.send(calls.save_config(tool, &file.text, None)).await?;
    saved.messages.warning.iter().for_each(|sentence| cx.printer.print_warning(sentence));
    let sentence = format!("the configuration of {tool} is stored: {described}; nothing is deployed yet");
    result.print_done(&ConfigRecord::from_document(&saved.data)?, &sentence)?;
    cx.printer.print_next("hearth deploy --stored");
    Ok(())
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedConfig {
    file: String,
    components: Vec<String>,
}

async fn show(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<ConfigRecord>()?;
    let session = cx.open_tool_session()?;
    let (tool, calls) = (session.tool_name(), session.client().components());
    let shown = session.send(calls.show_config(tool)).await?;
    let stored = session.send(calls.show_config_text(tool)).await?;
    cx.printer.print_messages(&shown.messages);
    result.print_text(&ConfigRecord::from_document(&shown.data)?, &stored.text)
}

async fn delete(cx: &CommandContext, args: DeleteConfigArgs) -> Result<()> {
    let result = cx.printer.open_output::<ConfigRecord>()?;
    let session = cx.open_tool_session()?;
    let (tool, calls) = (session.tool_name(), session.client().components());
    let stored = session.send(calls.show_config_text(tool)).await?;
    let described = ConfigFile::from_text(STORED_CONFIG_NAME, stored.text)
        .map_or_else(|_| "unreadable".to_owned(), |stored| stored.describe_components());
    let target = format!("the configuration of {tool} ({described}); its components keep running");
    if args.dry_run.dry_run {
        let document = session.send(calls.show_config(tool)).await?.data;
        return result
            .print_sentence(&ConfigRecord::from_document(&document)?, &format!("would delete {target}"));
    }
    cx.require_confirmation("delete", &target).await?;
    let deleted = session.send(calls.delete_config(tool)).await?;
    deleted.messages.warning.iter().for_each(|sentence| cx.printer.print_warning(sentence));
    let sentence =
        format!("the configuration of {tool} is deleted ({described}); its components keep running");
    result.print_done(&ConfigRecord::from_document(&deleted.data)?, &sentence)
}

async fn generate(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<ConfigRecord>()?;
    let session = cx.open_tool_session()?;
    let calls = session.client().components();
    let generated = session.send(calls.generate_config(session.tool_name())).await?;
    cx.printer.print_messages(&generated.messages);
    let text = serde_saphyr::to_string(&generated.data).map_err(Error::internal)?;
    result.print_text(&ConfigRecord::from_document(&generated.data)?, &text)
}

/// Reads a configuration from a file, or from standard input.
async fn read_config(file: Option<&Path>) -> Result<ConfigFile> {
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        return ConfigFile::read_path(path);
    }
    let missing = || {
        Error::invalid("missing-argument", "no file is named, and standard input has no configuration")
            .help(format!("hearth components config create {LINK_FILE_NAME}"))
    };
    if prompter::is_stdin_a_terminal() {
        return Err(missing());
    }
    let text = prompter::read_stdin().await?.ok_or_else(missing)?;
    ConfigFile::from_text("standard input", format!("{}\n", text.expose_secret()))
}
