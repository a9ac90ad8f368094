//! `hearth config set KEY VALUE`: changes one value of `hearth.yaml`, whose comments and layout stay.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config_edit::{ConfigKey, list_changed_lines, set_config_value},
    config_file::ConfigFile,
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    io_error::describe_io_error,
    settings::LINK_FILE_NAME,
};

/// Commands about the configuration of the folder.
#[derive(Debug, clap::Subcommand)]
pub enum FolderConfigCommand {
    /// Change one value of hearth.yaml; comments stay
    #[command(before_help = "Example: hearth config set components.web.replicas 2", help_template = HELP_TEMPLATE)]
    Set(SetConfigArgs),
}

/// The arguments of `hearth config set`.
#[derive(Debug, clap::Args)]
pub struct SetConfigArgs {
    /// The key, as in components.web.replicas
    key: ConfigKey,
    /// Its new value
    value: String,
    /// The file; default: hearth.yaml of this folder
    #[arg(long = "config", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result: a changed value.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedValue {
    file: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    after: Value,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: FolderConfigCommand) -> Result<()> {
    match command {
        FolderConfigCommand::Set(args) => set_value(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(_: &FolderConfigCommand) -> &'static str {
    "the file is changed completely or not at all; repeat the command"
}

async fn set_value(cx: &CommandContext, args: SetConfigArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedValue>()?;
    let SetConfigArgs { key, value, file, dry_run } = args;
    let path = file.clone().unwrap_or_else(|| cx.settings.folder.link_path());
    let name = file.map_or_else(|| LINK_FILE_NAME.to_owned(), |file| file.display().to_string());
    let current = ConfigFile::read_path(&path)?.with_name(&name);
    let edit = set_config_value(&name, &current.text, &key, &value)?;
    let changed =
        ChangedValue { file: name.clone(), key: key.to_string(), before: edit.before, after: edit.after };
    if edit.text == current.text {
        let sentence = format!("nothing to change: {key} is {} in {name} already", changed.after);
        return result.print_sentence(&changed, &sentence);
    }
    check_text(cx, &edit.text, &name).await?;
    for line in list_changed_lines(&current.text, &edit.text) {
        cx.printer.print_note(&line);
    }
    if dry_run.dry_run {
        return result.print_sentence(&changed, &format!("would set {key} to {} in {name}", changed.after));
    }
    replace_file(&path, &edit.text)?;
    let sentence = format!("{key} is {} in {name}; nothing is deployed yet", changed.after);
    result.print_done(&changed, &sentence)?;
    cx.printer.print_next("hearth plan");
    Ok(())
}

/// Checks a changed configuration by the rules of the server. A file without components only names its tool and says how
/// it is built; it is no configuration.
async fn check_text(cx: &CommandContext, text: &str, name: &str) -> Result<()> {
    if !ConfigFile::from_text(name, text.to_owned())?.names_components() {
        return Ok(());
    }
    let session = cx.open_tool_session()?;
    let checked = session.send(session.client().components().check_config(session.tool_name(), text)).await;
    let checked = checked.map_err(|error| error.and_message(format!("{name} was not changed.")))?;
    checked.messages.warning.iter().for_each(|sentence| cx.printer.print_warning(sentence));
    Ok(())
}

/// Replaces a file at once, with the permissions that it has.
fn replace_file(path: &Path, text: &str) -> Result<()> {
    let refused = |cause: io::Error| {
        Error::invalid(
            "config-file",
            format!("{} cannot be written: {}", path.display(), describe_io_error(&cause)),
        )
        .help("make the file and its folder writable")
    };
    // A link stays one: the file that it points to is replaced.
    let path = fs::canonicalize(path).map_err(refused)?;
    let permissions = fs::metadata(&path).map_err(refused)?.permissions();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".hearth-").tempfile_in(folder).map_err(refused)?;
    io::Write::write_all(&mut new, text.as_bytes()).map_err(refused)?;
    new.as_file().set_permissions(permissions).map_err(refused)?;
    new.as_file().sync_all().map_err(refused)?;
    new.persist(&path).map_err(|cause| refused(cause.error)).map(drop)
}
