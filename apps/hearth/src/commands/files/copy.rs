//! `hearth files copy SOURCE TARGET`: one of both is `home:PATH`.

use hearth_base::{Error, Result};

use super::{copied_files::CopiedFiles, download, home_path::parse_home_path, upload};
use crate::{context::CommandContext, flags::DryRun, pack::format_size};

/// The arguments of `hearth files copy`.
#[derive(Debug, clap::Args)]
pub struct CopyFilesArgs {
    /// The file or folder: a path of this machine, or home:PATH
    source: String,
    /// Its new place: home:PATH, or a path of this machine
    target: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Copies the files.
pub async fn run(cx: &CommandContext, args: CopyFilesArgs) -> Result<()> {
    let result = cx.printer.open_output::<CopiedFiles>()?;
    let CopyFilesArgs { source, target, dry_run } = args;
    let session = cx.open_tool_session()?;
    let is_dry_run = dry_run.dry_run;
    let copied = match (parse_home_path(&source), parse_home_path(&target)) {
        (None, Some(target)) => upload::copy_to_home(cx, &session, &source, target, is_dry_run).await?,
        (Some(source), None) => download::copy_from_home(cx, &session, source, &target, is_dry_run).await?,
        (None, None) => {
            return Err(Error::invalid("no-home-path", "neither path is in the tool's home")
                .help(format!("hearth files copy {source} home:{target}")));
        }
        (Some(_), Some(_)) => {
            return Err(Error::invalid("two-home-paths", "both paths are in the tool's home")
                .help("hearth shell -- cp SOURCE TARGET"));
        }
    };
    for path in &copied.skipped {
        cx.printer.print_warning(&format!("{path} is not copied: it is neither a file nor a folder"));
    }
    let noun = if copied.files == 1 { "file" } else { "files" };
    let amount = format!("{} {noun} ({})", copied.files, format_size(copied.bytes));
    match is_dry_run {
        true => result.print_sentence(&copied, &format!("would copy {amount} to {target}")),
        false => result.print_done(&copied, &format!("copied {amount} to {target}")),
    }
}
