//! External commands: programs `hearth-NAME` on the search path. They never replace a built-in command,
//! because the parser matches those first.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result};

use crate::{
    command_line::CommandLine, exit::Exit, flags::GlobalArgs, io_error::describe_io_error,
    nearest::find_nearest, platform, synonyms::find_synonym,
};

const PROGRAM_PREFIX: &str = "hearth-";

/// Replaces this process with the program for `line`, whose first word is the command's name.
///
/// `tree` has the built-in commands.
pub fn run_program(
    line: &[OsString],
    global: &GlobalArgs,
    path: &[PathBuf],
    command_line: &CommandLine,
    tree: &clap::Command,
) -> Result<Exit> {
    let name = line.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let program = find_program(&name, path)
        .ok_or_else(|| build_unknown_command_error(&name, path, command_line, tree))?;
    let mut command = Command::new(&program);
    command.args(line.iter().skip(1));
    if let Some(server) = &global.server {
        command.env("HEARTH_SERVER", server.as_str());
    }
    if let Some(tool) = &global.tool {
        command.env("HEARTH_TOOL", tool.as_str());
    }
    let status = platform::replace_process(&mut command).map_err(|cause| {
        Error::invalid(
            "program",
            format!("{} cannot be started: {}", program.display(), describe_io_error(&cause)),
        )
    })?;
    Ok(match status.code().map(u8::try_from) {
        Some(Ok(status)) => Exit::Program(status),
        _ => Exit::UserError,
    })
}

/// Lists the external commands that `tree` has no command for.
pub fn list_external_commands(path: &[PathBuf], tree: &clap::Command) -> BTreeSet<String> {
    let files = path.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let names = files.filter_map(|file| {
        let name = file.file_name().to_str()?.strip_prefix(PROGRAM_PREFIX)?.to_owned();
        let name = name.strip_suffix(platform::PROGRAM_SUFFIX)?.to_owned();
        (is_command_name(&name) && platform::is_executable(&file.path())).then_some(name)
    });
    let built_in = list_built_in_commands(tree);
    names.filter(|name| !built_in.contains(name)).collect()
}

fn find_program(name: &str, path: &[PathBuf]) -> Option<PathBuf> {
    if !is_command_name(name) {
        return None;
    }
    let file = format!("{PROGRAM_PREFIX}{name}{}", platform::PROGRAM_SUFFIX);
    path.iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|program: &PathBuf| platform::is_executable(Path::new(program)))
}

/// Returns true when `name` is valid in a file name and is no path.
fn is_command_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(fits)
}

fn list_built_in_commands(tree: &clap::Command) -> BTreeSet<String> {
    tree.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

fn build_unknown_command_error(
    name: &str,
    path: &[PathBuf],
    command_line: &CommandLine,
    tree: &clap::Command,
) -> Error {
    let mut candidates = list_built_in_commands(tree);
    candidates.extend(list_external_commands(path, tree));
    let near = || {
        let near = find_nearest(name, candidates.iter().map(String::as_str));
        near.and_then(|near| command_line.with_replacement(name, near))
    };
    let proposed = find_synonym("hearth", name).map(str::to_owned).or_else(near);
    Error::invalid("no-such-command", format!("there is no command hearth {name:.60}"))
        .help(proposed.unwrap_or_else(|| "hearth -h".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_name_is_never_a_path() {
        for name in ["", "../x", "a/b", "a b", "-/x", "é"] {
            assert!(!is_command_name(name), "{name}");
        }
        assert!(is_command_name("db-tunnel"));
    }
}
