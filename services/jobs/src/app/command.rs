//! From the line that people write to the program that is started. What they write is one argument of the
//! shell inside the container, never part of a line that Hearth makes.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};

use crate::store::ImageConfig;

/// The label under which a built image says how its processes are started.
const PROCESSES: &str = "org.hearth.processes";

/// Words that are the shell's own, and that no program stands for.
const OF_THE_SHELL: &[&str] = &[
    ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "eval", "exec", "exit",
    "export", "fg", "for", "function", "getopts", "hash", "if", "jobs", "local", "read", "readonly",
    "return", "select", "set", "shift", "source", "time", "times", "trap", "type", "ulimit", "umask",
    "unalias", "unset", "until", "wait", "while",
];

/// Files for what a program writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    pub out: String,
    pub err: String,
}

/// The program and its arguments for `cmd` in an image.
pub fn argv(cmd: &str, image: &ImageConfig, files: Option<&Files>) -> Result<Vec<String>> {
    let Some(line) = line(cmd, image)? else {
        let own: Vec<String> = image.entrypoint.iter().chain(&image.cmd).cloned().collect();
        return match own.first() {
            Some(program) if !program.is_empty() => Ok(own),
            _ => Err(Error::invalid("no-command", "neither the job nor its image says what to start")
                .help("give a command, or a line `web: …` in the Procfile")),
        };
    };
    let shell = |script: String| vec!["/bin/sh".to_owned(), "-c".to_owned(), script];
    Ok(match files {
        None => shell(if is_one_program(&line) { format!("exec {line}") } else { line }),
        Some(Files { out, err }) => {
            let mut argv = shell(r#"exec >>"$1" 2>>"$2" && exec /bin/sh -c "$0""#.to_owned());
            argv.extend([line, out.clone(), err.clone()]);
            argv
        }
    })
}

/// The line for the shell: a process of the image when the first word names one; nothing when no command is
/// given and the image has no process `web`.
fn line(cmd: &str, image: &ImageConfig) -> Result<Option<String>> {
    let processes = match image.labels.get(PROCESSES) {
        None => BTreeMap::new(),
        Some(json) => serde_json::from_str::<BTreeMap<String, String>>(json).map_err(|cause| {
            Error::invalid("image-processes", "the image's list of processes cannot be read")
                .help("build the image again")
                .because(cause)
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

/// Whether a line starts one program and nothing else, so that the shell may become it: signals reach it then.
/// Variables and quoted words may be in it (POSIX.1-2017, Shell Command Language, 2.2 and 2.9.1).
fn is_one_program(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let plain = |symbol: char| symbol.is_alphanumeric() || "_-./:,@%+^".contains(symbol);
    if first.is_empty() || OF_THE_SHELL.contains(&first) || !first.chars().all(plain) {
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

    fn image(processes: &str) -> ImageConfig {
        let labels = [(PROCESSES.to_owned(), processes.to_owned())].into();
        ImageConfig { labels, ..ImageConfig::default() }
    }

    fn script(cmd: &str) -> String {
        argv(cmd, &image(r#"{"web": "python app.py", "migrate": "./m --all"}"#), None).unwrap()[2].clone()
    }

    #[test]
    fn the_shell_becomes_a_program_that_stands_alone() {
        for line in ["./run.py --fast", "serve --bind 0.0.0.0:$PORT", "bash -c 'a; b' \"it's\"", "x a\\;b"] {
            assert_eq!(script(line), format!("exec {line}"));
        }
        for line in
            ["cd x && ./run", "A=1 ./run", "./a; ./b", "cd x", "./run > out", "if true", "x 'a", "x (b)"]
        {
            assert_eq!(script(line), line);
        }
    }

    #[test]
    fn a_process_is_run_by_its_name_with_what_follows() {
        assert_eq!(script("web"), "exec python app.py");
        assert_eq!(script(" migrate  --dry "), "exec ./m --all --dry");
        assert_eq!(script(""), "exec python app.py");
        assert_eq!(script("website"), "exec website");
    }

    #[test]
    fn without_a_command_the_images_own_is_started() {
        let own = ImageConfig { entrypoint: vec!["/bin/serve".to_owned()], ..ImageConfig::default() };
        assert_eq!(argv("", &own, None).unwrap(), ["/bin/serve"]);
        assert_eq!(argv("", &ImageConfig::default(), None).unwrap_err().code(), "no-command");
    }

    #[test]
    fn what_people_write_is_an_argument_and_never_part_of_the_line() {
        let files = Files { out: "/home/$(x).out".to_owned(), err: "/home/'\".err".to_owned() };
        let argv = argv("echo \"a\"; b", &ImageConfig::default(), Some(&files)).unwrap();
        assert_eq!(argv[2], r#"exec >>"$1" 2>>"$2" && exec /bin/sh -c "$0""#);
        assert_eq!(argv[3..], ["echo \"a\"; b", "/home/$(x).out", "/home/'\".err"]);
    }
}
