//! `hearth envvars export [FILE]`: variables as a dotenv file, which `hearth envvars import` reads back.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};
use hearth_wire::envvars::Envvar;

use super::{dotenv, scope::OfJob};
use crate::{cli::DryRun, context::Context, trouble::why};

/// What `hearth envvars export` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write to this file, which only you can read; it is replaced only with --yes
    file: Option<PathBuf>,
    #[command(flatten)]
    of: OfJob,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Writes them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Envvar>()?;
    let Args { file, of, dry_run } = args;
    let envvars = super::all(&cx.at_tool()?, &of.scope()).await?;
    let text: String = envvars.iter().map(line).collect();
    let (count, secrets) = (envvars.len(), envvars.iter().filter(|envvar| envvar.secret).count());
    if secrets > 0 {
        cx.printer.note(&format!("{secrets} of {count} are secrets, and their values are not written"));
    }
    let Some(file) = file else { return answer.listed_as(&envvars, &text) };
    let name = file.display();
    match fs::read_to_string(&file) {
        Ok(known) if known == text && is_private(&file) => {
            return answer.listed_as(&envvars, &format!("nothing to change: {name} says the same\n"));
        }
        Ok(known) if known != text && !cx.yes => {
            return Err(Error::conflict("file-exists", format!("{name} is there and says something else"))
                .help(cx.words.and("--yes")));
        }
        Err(cause) if cause.kind() != io::ErrorKind::NotFound && !cx.yes => {
            return Err(refused(&file, &cause));
        }
        Ok(_) | Err(_) => {}
    }
    if dry_run.dry_run {
        return answer.listed_as(&envvars, &format!("would write {count} variables to {name}\n"));
    }
    write(&file, &text).map_err(|cause| refused(&file, &cause))?;
    answer.listed_as(&envvars, &format!("✓ {count} variables are written to {name}, for you alone to read\n"))
}

fn line(envvar: &Envvar) -> String {
    match envvar.secret {
        true => format!("# {} is a secret: its value is not here\n", envvar.name),
        false => dotenv::line(&envvar.name, envvar.value.reveal()),
    }
}

/// Puts a new file in the place: from its first byte on it is for its owner alone, whoever could read the one before.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}

/// Whether nobody but its owner reads a file.
fn is_private(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o077 == 0)
}

fn refused(file: &Path, cause: &io::Error) -> Error {
    Error::invalid("dotenv", format!("{} cannot be written: {}", file.display(), why(cause)))
}
