//! Finding a program in a container, and the reasons for which it cannot be executed.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use hearth_runtime_api::Process;

/// Exit status of a shell for a file that cannot be executed, and for a missing file (POSIX, XCU 2.8.2).
const NOT_EXECUTABLE_STATUS: i32 = 126;
const NOT_FOUND_STATUS: i32 = 127;
/// Search path of a process without `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Maximum length of an interpreter line (linux/binfmts.h, `BINPRM_BUF_SIZE`).
const MAX_INTERPRETER_LINE_BYTES: u64 = 256;
/// Interpreters to suggest, by file name extension.
const INTERPRETERS_BY_EXTENSION: [(&str, &str); 7] = [
    ("js", "node"),
    ("mjs", "node"),
    ("php", "php"),
    ("pl", "perl"),
    ("py", "python3"),
    ("rb", "ruby"),
    ("sh", "sh"),
];

/// Reason that a program cannot be started.
#[derive(Debug, PartialEq, Eq)]
pub struct StartError {
    reason: String,
    status: i32,
}

impl StartError {
    fn not_found(reason: String) -> Self {
        Self { reason, status: NOT_FOUND_STATUS }
    }

    fn not_executable(reason: String) -> Self {
        Self { reason, status: NOT_EXECUTABLE_STATUS }
    }

    /// The exit status that a shell has for this reason.
    pub fn exit_status(&self) -> i32 {
        self.status
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::not_executable(match error.raw_os_error() {
            Some(libc::ENOEXEC) => {
                "it is neither a program for this machine nor a script with a #! line".to_owned()
            }
            Some(libc::ENOENT) => {
                "its dynamic linker is missing in the image; was it built for another distribution?"
                    .to_owned()
            }
            _ => error.to_string(),
        })
    }
}

/// Finds the program's path: the given path, or the first match in the environment's `PATH`.
pub fn find_executable(process: &Process) -> Result<PathBuf, StartError> {
    let name = process.argv.first().map_or("", String::as_str);
    let folder = Path::new(&process.cwd);
    if name.contains('/') {
        let path = folder.join(name);
        return check_executable(&path, name).and_then(|()| check_interpreter(&path, name)).map(|()| path);
    }
    let path = process.env.get("PATH").map_or(DEFAULT_PATH, |path| path.expose_secret());
    // As in a shell: a file that is not executable is only reported when no other folder has the program.
    let mut refused = None;
    for path in path.split(':').map(|searched| folder.join(searched).join(name)) {
        match check_executable(&path, name) {
            Ok(()) => return check_interpreter(&path, name).map(|()| path),
            Err(error) if error.status == NOT_EXECUTABLE_STATUS && !path.is_dir() => {
                refused.get_or_insert(error);
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| {
        let own = if folder.join(name).is_file() {
            format!("; to start the file in {}, write ./{name:.200}", process.cwd)
        } else {
            String::new()
        };
        StartError::not_found(format!("the image has no program {name:.200?} in its PATH{own}"))
    }))
}

fn check_executable(path: &Path, name: &str) -> Result<(), StartError> {
    match path.metadata() {
        Ok(meta) if meta.is_dir() => {
            Err(StartError::not_executable(format!("{name:.200?} is a folder, not a program")))
        }
        // A pipe or device would make the start wait, or worse.
        Ok(meta) if !meta.is_file() => {
            Err(StartError::not_executable(format!("{name:.200?} is a special file, not a program")))
        }
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let interpreter = INTERPRETERS_BY_EXTENSION.iter().find(|(known, _)| Some(*known) == extension);
            let other = interpreter.map(|(_, program)| format!(", or start it with: {program} {name:.200}"));
            Err(StartError::not_executable(format!(
                "{name:.200?} is not executable; run chmod +x {name:.200}{}",
                other.unwrap_or_default()
            )))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(StartError::not_executable(format!("{name:.200?} is in a folder that its user may not open")))
        }
        Err(_) => Err(StartError::not_found(format!("the image has no program {name:.200?}"))),
    }
}

/// Checks the interpreter that a script names in its first line (execve(2)). The kernel reports a missing one as a
/// missing program.
fn check_interpreter(path: &Path, name: &str) -> Result<(), StartError> {
    let mut head = Vec::new();
    // A program may be executable and not readable.
    // The tool may replace the file by a pipe at any moment: opening it must not wait for a writer.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let read = file.and_then(|file| file.take(MAX_INTERPRETER_LINE_BYTES).read_to_end(&mut head));
    let Some(line) = head.strip_prefix(b"#!").filter(|_| read.is_ok()) else { return Ok(()) };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.ends_with(b"\r") {
        return Err(StartError::not_executable(format!(
            "the first line of {name:.200?} ends with a carriage return; convert the file to Unix line ends"
        )));
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let interpreter = line.split(is_space).find(|word| !word.is_empty()).unwrap_or_default();
    let interpreter = Path::new(std::ffi::OsStr::from_bytes(interpreter));
    if interpreter.is_absolute() && !interpreter.exists() {
        return Err(StartError::not_found(format!(
            "the interpreter of {name:.200?} is missing in the image: {:.200}",
            interpreter.display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use hearth_base::{Error, Result, Secret};
    use hearth_runtime_api::ContainerUser;

    use super::*;

    struct ProgramFolder(tempfile::TempDir);

    impl ProgramFolder {
        fn new() -> Result<Self> {
            Ok(Self(tempfile::tempdir().map_err(Error::internal)?))
        }

        fn add_file(&self, name: &str, mode: u32, content: &str) -> Result<()> {
            let path = self.0.path().join(name);
            fs::write(&path, content).map_err(Error::internal)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(Error::internal)
        }

        /// Finds a program with the folder as working directory. Returns the reason and the status of a failure.
        fn find(&self, name: &str, path: &str) -> Option<(String, i32)> {
            let process = Process {
                argv: vec![name.to_owned()],
                env: BTreeMap::from([("PATH".to_owned(), Secret::new(path.to_owned()))]),
                sealed: BTreeMap::new(),
                cwd: self.0.path().display().to_string(),
                user: ContainerUser::default(),
                stop_signal: 15,
            };
            find_executable(&process).err().map(|error| (error.to_string(), error.exit_status()))
        }
    }

    #[test]
    fn file_without_execute_permission_is_reported_as_that() -> Result<()> {
        let folder = ProgramFolder::new()?;
        folder.add_file("bot.py", 0o644, "print()")?;
        folder.add_file("run", 0o644, "true")?;
        let hint =
            "\"./bot.py\" is not executable; run chmod +x ./bot.py, or start it with: python3 ./bot.py";
        assert_eq!(folder.find("./bot.py", "/bin"), Some((hint.to_owned(), 126)));
        let hint = "\"run\" is not executable; run chmod +x run";
        assert_eq!(folder.find("run", &folder.0.path().display().to_string()), Some((hint.to_owned(), 126)));
        fs::create_dir(folder.0.path().join("src")).map_err(Error::internal)?;
        let hint = "\"./src\" is a folder, not a program";
        assert_eq!(folder.find("./src", "/bin"), Some((hint.to_owned(), 126)));
        Ok(())
    }

    #[test]
    fn missing_program_and_missing_interpreter_are_distinguished() -> Result<()> {
        let folder = ProgramFolder::new()?;
        folder.add_file("here", 0o755, "#!/bin/sh\n")?;
        folder.add_file("lost", 0o755, "#! /no/such/python3 -u\nprint()")?;
        folder.add_file("windows", 0o755, "#!/bin/sh\r\ntrue\r\n")?;
        assert_eq!(folder.find("./here", "/bin"), None);
        let reason = |name: &str| folder.find(name, "/bin");
        let missing = "the image has no program \"./other\"".to_owned();
        assert_eq!(reason("./other"), Some((missing, 127)));
        let (text, status) = reason("here").unwrap_or_default();
        assert!(text.contains("in its PATH") && text.ends_with("write ./here") && status == 127, "{text}");
        let missing = "the interpreter of \"./lost\" is missing in the image: /no/such/python3".to_owned();
        assert_eq!(reason("./lost"), Some((missing, 127)));
        let (text, status) = reason("./windows").unwrap_or_default();
        assert!(text.contains("carriage return") && status == 126, "{text}");
        Ok(())
    }
}
