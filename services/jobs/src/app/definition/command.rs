//! Builds the program and arguments of a container from a job's command line. The line of a user is one
//! argument of the shell inside the container, and never part of a script that Hearth builds.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};

use crate::store::ImageConfig;

/// The image label with the processes of a Procfile, as a JSON object.
const PROCESSES_LABEL: &str = "org.hearth.processes";

/// Words that the shell itself executes, without a program of that name.
const SHELL_BUILTINS: &[&str] = &[
    ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "eval", "exec", "exit",
    "export", "fg", "for", "function", "getopts", "hash", "if", "jobs", "local", "read", "readonly",
    "return", "select", "set", "shift", "source", "time", "times", "trap", "type", "ulimit", "umask",
    "unalias", "unset", "until", "wait", "while",
];

/// Runs a line of several programs and forwards SIGTERM to all of them. The first process of a container has
/// no default actions for signals (`pid_namespaces(7)`), so a plain shell would ignore SIGTERM. A `wait` that
/// a signal interrupts does not return the child's status (POSIX.1-2017, Shell Command Language, 2.11), hence
/// the second one.
const SUPERVISOR_SCRIPT: &str = r#"hearth_asked=; trap 'hearth_asked=1; kill -TERM -1' TERM; /bin/sh -c "$0" & hearth_child=$!
wait $hearth_child; hearth_status=$?
if [ "$hearth_asked" ]; then wait $hearth_child; hearth_status=$?; fi; exit $hearth_status"#;

/// Redirects output to the files, or exits.
const REDIRECT_SCRIPT: &str = r#"exec >>"$1" 2>>"$2" || exit
"#;

/// Files for the output of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFiles {
    pub out: String,
    pub err: String,
}

/// Builds the program and its arguments for `cmd` in an image; `no-command` (invalid) if neither has a
/// command.
pub fn build_argv(cmd: &str, image: &ImageConfig, files: Option<&OutputFiles>) -> Result<Vec<String>> {
    let Some(line) = resolve_command_line(cmd, image)? else {
        let own: Vec<String> = image.entrypoint.iter().chain(&image.cmd).cloned().collect();
        return match own.first() {
            Some(program) if !program.is_empty() => Ok(own),
            _ => Err(Error::invalid("no-command", "neither the job nor its image has a command")
                .help("give a command, or a line `web: …` in the Procfile")),
        };
    };
    let shell = |script: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
    let (script, line) = match (is_one_program(&line), files) {
        (true, None) => return Ok(shell(&format!("exec {line}"))),
        (true, Some(_)) => (r#"exec /bin/sh -c "$0""#, format!("exec {line}")),
        (false, _) => (SUPERVISOR_SCRIPT, line),
    };
    let mut argv = shell(&format!("{}{script}", files.map_or("", |_| REDIRECT_SCRIPT)));
    argv.push(line);
    argv.extend(files.into_iter().flat_map(|OutputFiles { out, err }| [out.clone(), err.clone()]));
    Ok(argv)
}

/// Returns the line for the shell. A first word that names a process of the image is replaced by its command.
/// An empty command means the process `web`, if the image has one.
pub fn resolve_command_line(cmd: &str, image: &ImageConfig) -> Result<Option<String>> {
    let processes = match image.labels.get(PROCESSES_LABEL) {
        None => BTreeMap::new(),
        Some(json) => serde_json::from_str::<BTreeMap<String, String>>(json).map_err(|cause| {
            Error::invalid("image-processes", "the image has an invalid list of processes")
                .help("build the image again")
                .with_cause(cause)
        })?,
    };
    let cmd = cmd.trim();
    if cmd.is_empty() {
        return Ok(processes.get("web").cloned());
    }
    let (first, rest) = cmd.split_once(char::is_whitespace).unwrap_or((cmd, ""));
    Ok(Some(match processes.get(first) {
        Some(process) if rest.trim().is_empty() => process.clone(),
        Some(process) => format!("{process} {}", rest.trim_start()),
        None => cmd.to_owned(),
    }))
}

/// Returns whether a line starts a single program, which can replace the shell and so receives signals
/// itself. It may contain variables and quoted words (POSIX.1-2017, Shell Command Language, 2.2 and 2.9.1).
fn is_one_program(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let plain = |symbol: char| symbol.is_alphanumeric() || "_-./:,@%+^".contains(symbol);
    if first.is_empty() || SHELL_BUILTINS.contains(&first) || !first.chars().all(plain) {
        return false;
    }
    let mut quote = None;
    let mut symbols = line.chars();
    while let Some(symbol) = symbols.next() {
        match (quote, symbol) {
            (None | Some('"'), '\\') => drop(symbols.next()),
            (None, '"' | '\'') => quote = Some(symbol),
            (Some(open), _) if open == symbol => quote = None,
            (None, ';' | '&' | '|' | '(' | ')' | '<' | '>' | '#' | '`' | '\n') => return false,
            _ => {}
        }
    }
    quote.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };

    fn image_with_processes(processes: &str) -> ImageConfig {
        let labels = [(PROCESSES_LABEL.to_owned(), processes.to_owned())].into();
        ImageConfig { labels, ..ImageConfig::default() }
    }

    fn build_script(cmd: &str) -> String {
        build_argv(cmd, &image_with_processes(r#"{"web": "python app.py", "migrate": "./m --all"}"#), None)
            .unwrap()
            .pop()
            .unwrap()
    }

    #[test]
    fn single_program_replaces_the_shell() {
        for line in ["./run.py --fast", "serve --bind 0.0.0.0:$PORT", "bash -c 'a; b' \"it's\"", "x a\\;b"] {
            assert_eq!(build_script(line), format!("exec {line}"));
        }
        for line in
            ["cd x && ./run", "A=1 ./run", "./a; ./b", "cd x", "./run > out", "if true", "x 'a", "x (b)"]
        {
            assert_eq!(build_script(line), line);
        }
    }

    #[test]
    fn procfile_process_runs_with_further_arguments() {
        assert_eq!(build_script("web"), "exec python app.py");
        assert_eq!(build_script(" migrate  --dry "), "exec ./m --all --dry");
        assert_eq!(build_script(""), "exec python app.py");
        assert_eq!(build_script("website"), "exec website");
    }

    #[test]
    fn job_without_a_command_runs_the_image_command() {
        let own = ImageConfig { entrypoint: vec!["/bin/serve".to_owned()], ..ImageConfig::default() };
        assert_eq!(build_argv("", &own, None).unwrap(), ["/bin/serve"]);
        assert_eq!(build_argv("", &ImageConfig::default(), None).unwrap_err().code(), "no-command");
    }

    #[test]
    fn user_command_is_an_argument_of_the_shell() {
        let files = OutputFiles { out: "/home/$(x).out".to_owned(), err: "/home/'\".err".to_owned() };
        let argv = build_argv("echo \"a\"; b", &ImageConfig::default(), Some(&files)).unwrap();
        assert_eq!(argv[2], format!("{REDIRECT_SCRIPT}{SUPERVISOR_SCRIPT}"));
        assert_eq!(argv[3..], ["echo \"a\"; b", "/home/$(x).out", "/home/'\".err"]);
    }

    /// Runs a line in a PID namespace, with SIGTERM once it has started if `terminate`, and returns its exit
    /// status.
    fn run_in_pid_namespace(line: &str, terminate: bool) -> Option<i32> {
        let argv = build_argv(line, &ImageConfig::default(), None).unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]);
        unshare.args(argv).stdout(Stdio::piped());
        let mut unshare = unshare.spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(unshare.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        if terminate {
            let children = format!("/proc/{0}/task/{0}/children", unshare.id());
            let first = std::fs::read_to_string(children).unwrap();
            assert!(Command::new("kill").args(["-TERM", first.trim()]).status().unwrap().success());
        }
        unshare.wait().unwrap().code()
    }

    #[test]
    fn compound_command_ends_with_the_status_of_its_last_program() {
        assert_eq!(run_in_pid_namespace("echo begun; exit 7", false), Some(7));
        assert_eq!(run_in_pid_namespace("echo begun; true", false), Some(0));
    }

    #[test]
    fn compound_command_ends_on_sigterm() {
        assert_eq!(run_in_pid_namespace("echo begun; sleep 1000; sleep 1000", true), Some(143));
        // A shell with a trap waits for programs that it starts after the signal, so both are started before
        // it.
        let both = "(echo; exec sleep 1000) | (read begun; echo begun; exec sleep 1000)";
        assert_eq!(run_in_pid_namespace(&format!("trap 'exit 5' TERM; {both}"), true), Some(5));
        assert_eq!(run_in_pid_namespace("echo begun && exec sleep 1000", true), Some(143));
    }
}
