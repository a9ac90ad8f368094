//! Programs `hearth-NAME` on the search path are commands too. They never replace a built-in one: the parser
//! knows those first.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};

use crate::{exit::Exit, flags::Global, nearest::nearest, platform, trouble::why, words::Words};

const PREFIX: &str = "hearth-";

/// Becomes the program for `line`, whose first word is the command's name.
///
/// `tree` has the built-in commands.
pub fn run(
    line: &[OsString],
    global: &Global,
    path: &[PathBuf],
    words: &Words,
    tree: &clap::Command,
) -> Result<Exit> {
    let name = line.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let program = find(&name, path).ok_or_else(|| unknown(&name, path, words, tree))?;
    let mut command = Command::new(&program);
    command.args(line.iter().skip(1));
    if let Some(server) = &global.server {
        command.env("HEARTH_SERVER", server.as_str());
    }
    if let Some(tool) = &global.tool {
        command.env("HEARTH_TOOL", tool.as_str());
    }
    let status = platform::become_program(&mut command).map_err(|cause| {
        Error::invalid("program", format!("{} cannot be started: {}", program.display(), why(&cause)))
    })?;
    Ok(match status.code().map(u8::try_from) {
        Some(Ok(status)) => Exit::Other(status),
        _ => Exit::User,
    })
}

/// The names of all such programs that `tree` has no command for.
pub fn names(path: &[PathBuf], tree: &clap::Command) -> BTreeSet<String> {
    let files = path.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let named = files.filter_map(|file| {
        let name = file.file_name().to_str()?.strip_prefix(PREFIX)?.to_owned();
        let name = name.strip_suffix(platform::PROGRAM_SUFFIX)?.to_owned();
        (is_name(&name) && platform::is_program(&file.path())).then_some(name)
    });
    let built_in = built_in(tree);
    named.filter(|name| !built_in.contains(name)).collect()
}

fn find(name: &str, path: &[PathBuf]) -> Option<PathBuf> {
    if !is_name(name) {
        return None;
    }
    let file = format!("{PREFIX}{name}{}", platform::PROGRAM_SUFFIX);
    path.iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|program: &PathBuf| platform::is_program(Path::new(program)))
}

/// Whether `name` can be the rest of a file's name, and no path.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(fits)
}

fn built_in(tree: &clap::Command) -> BTreeSet<String> {
    tree.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

fn unknown(name: &str, path: &[PathBuf], words: &Words, tree: &clap::Command) -> Error {
    let mut known = built_in(tree);
    known.extend(names(path, tree));
    let near = nearest(name, known.iter().map(String::as_str)).and_then(|near| words.with(name, near));
    Error::invalid("no-such-command", format!("there is no command hearth {name:.60}"))
        .help(near.unwrap_or_else(|| "hearth -h".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        for name in ["", "../x", "a/b", "a b", "-/x", "é"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("db-tunnel"));
    }
}
