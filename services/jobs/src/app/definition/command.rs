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

/// What starts a line that is more than one program. The first process of a container has no signal's default action
/// (`pid_namespaces(7)`): a shell would let the request to end pass by, so this one hands it on to all others. A
/// `wait` that a signal ended says nothing of the child yet (POSIX.1-2017, Shell Command Language, 2.11).
const WITH_OTHERS: &str = r#"hearth_asked=; trap 'hearth_asked=1; kill -TERM -1' TERM; /bin/sh -c "$0" & hearth_child=$!
wait $hearth_child; hearth_status=$?
if [ "$hearth_asked" ]; then wait $hearth_child; hearth_status=$?; fi; exit $hearth_status"#;

/// Writes into the files from here on, or ends.
const INTO_FILES: &str = r#"exec >>"$1" 2>>"$2" || exit
"#;

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
    let shell = |script: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
    let (script, line) = match (is_one_program(&line), files) {
        (true, None) => return Ok(shell(&format!("exec {line}"))),
        (true, Some(_)) => (r#"exec /bin/sh -c "$0""#, format!("exec {line}")),
        (false, _) => (WITH_OTHERS, line),
    };
    let mut argv = shell(&format!("{}{script}", files.map_or("", |_| INTO_FILES)));
    argv.push(line);
    argv.extend(files.into_iter().flat_map(|Files { out, err }| [out.clone(), err.clone()]));
    Ok(argv)
}

/// The line for the shell: a process of the image when the first word names one; nothing when no command is
/// given and the image has no process `web`.
pub fn line(cmd: &str, image: &ImageConfig) -> Result<Option<String>> {
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
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };

    fn image(processes: &str) -> ImageConfig {
        let labels = [(PROCESSES.to_owned(), processes.to_owned())].into();
        ImageConfig { labels, ..ImageConfig::default() }
    }

    fn script(cmd: &str) -> String {
        argv(cmd, &image(r#"{"web": "python app.py", "migrate": "./m --all"}"#), None).unwrap().pop().unwrap()
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
        assert_eq!(argv[2], format!("{INTO_FILES}{WITH_OTHERS}"));
        assert_eq!(argv[3..], ["echo \"a\"; b", "/home/$(x).out", "/home/'\".err"]);
    }

    /// What a line ends with in a container of its own process ids, asked to end once it has begun if `asked`.
    fn ends(line: &str, asked: bool) -> Option<i32> {
        let argv = argv(line, &ImageConfig::default(), None).unwrap();
        let mut apart = Command::new("unshare");
        apart.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]);
        apart.args(argv).stdout(Stdio::piped());
        let mut apart = apart.spawn().unwrap();
        let mut begun = String::new();
        BufReader::new(apart.stdout.take().unwrap()).read_line(&mut begun).unwrap();
        if asked {
            let children = format!("/proc/{0}/task/{0}/children", apart.id());
            let first = std::fs::read_to_string(children).unwrap();
            assert!(Command::new("kill").args(["-TERM", first.trim()]).status().unwrap().success());
        }
        apart.wait().unwrap().code()
    }

    #[test]
    fn a_line_of_several_programs_ends_as_its_last_one_does() {
        assert_eq!(ends("echo begun; exit 7", false), Some(7));
        assert_eq!(ends("echo begun; true", false), Some(0));
    }

    #[test]
    fn a_line_of_several_programs_ends_when_it_is_asked_to() {
        assert_eq!(ends("echo begun; sleep 1000; sleep 1000", true), Some(143));
        // A shell with a trap waits for a program that it starts after it was asked: both have begun here.
        let both = "(echo; exec sleep 1000) | (read begun; echo begun; exec sleep 1000)";
        assert_eq!(ends(&format!("trap 'exit 5' TERM; {both}"), true), Some(5));
        assert_eq!(ends("echo begun && exec sleep 1000", true), Some(143));
    }
}
