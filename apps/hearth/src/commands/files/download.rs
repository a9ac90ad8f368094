//! Copies files of a home to this machine.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use hearth_base::{Error, Result};
use hearth_wire::storage::{FileEntry, FileKind, FileQuery};
use http_body_util::BodyExt;

use super::{
    copied_files::CopiedFiles,
    home_path::{extract_last_part, fetch_listing, join_home_path},
};
use crate::{context::CommandContext, io_error::describe_io_error, tool_session::ToolSession};

/// Copies a file, or a folder with its content, to `target`. An existing folder `target` gets it as an entry. A
/// file that exists is replaced only with `--yes`.
pub async fn copy_from_home(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    source: &str,
    target: &str,
    is_dry_run: bool,
) -> Result<CopiedFiles> {
    let target = PathBuf::from(target);
    let listing = fetch_listing(session, source).await?;
    let name = extract_last_part(source);
    let to = if target.is_dir() && !name.is_empty() { target.join(check_name(name)?) } else { target };
    let mut copied = CopiedFiles::default();
    let mut open = vec![(source.to_owned(), to, listing.entry)];
    while let Some((remote, local, entry)) = open.pop() {
        match entry.kind {
            FileKind::Folder => {
                if !is_dry_run {
                    fs::create_dir_all(&local).map_err(|cause| build_write_error(&local, &cause))?;
                }
                for entry in fetch_listing(session, &remote).await?.entries {
                    let path = local.join(check_name(&entry.name)?);
                    open.push((join_home_path(&remote, &entry.name), path, entry));
                }
            }
            FileKind::File => {
                if local.exists() && !cx.assume_yes {
                    return Err(Error::conflict("file-exists", format!("{} exists", local.display()))
                        .help(cx.command_line.with_argument("--yes")));
                }
                if !is_dry_run {
                    let received = receive_file(session, remote, &local, &entry);
                    cx.wait_with_notices(&local.display().to_string(), received).await?;
                }
                (copied.files, copied.bytes) = (copied.files + 1, copied.bytes + entry.size);
            }
            FileKind::Link | FileKind::Other => copied.skipped.push(format!("home:{remote}")),
        }
    }
    Ok(copied)
}

/// Refuses a name from the server that is a path: it would lead out of the target.
fn check_name(name: &str) -> Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) if !name.ends_with('/') => Ok(name),
        _ => Err(Error::invalid("file-name", format!("{name:?} cannot be the name of a file here"))),
    }
}

/// Receives one file beside its place, and moves it there when it is complete.
async fn receive_file(
    session: &ToolSession<'_>,
    remote: String,
    local: &Path,
    entry: &FileEntry,
) -> Result<()> {
    let refused = |cause: std::io::Error| build_write_error(local, &cause);
    let query = FileQuery { path: remote };
    let calls = session.client().storage();
    let mut content = session.send(calls.read_file(session.tool_name(), &query)).await?.into_body();
    let folder = local.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(refused)?;
    while let Some(frame) = content.frame().await {
        let frame = frame.map_err(|cause| {
            Error::unavailable("response-incomplete", "the connection broke during the copy")
                .with_cause(cause)
        })?;
        if let Ok(bytes) = frame.into_data() {
            new.write_all(&bytes).map_err(refused)?;
        }
    }
    let mode = u32::from_str_radix(&entry.mode, 8).unwrap_or(0o644);
    new.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(refused)?;
    new.persist(local).map_err(|failed| build_write_error(local, &failed.error))?;
    Ok(())
}

fn build_write_error(path: &Path, cause: &std::io::Error) -> Error {
    Error::invalid("out-file", format!("{} cannot be written: {}", path.display(), describe_io_error(cause)))
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn name_that_leads_out_of_the_target_is_refused() {
        for wrong in ["..", ".", "/etc/passwd", "../x", "a/b", ""] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_name("data.csv").ok(), Some("data.csv"));
    }
}
