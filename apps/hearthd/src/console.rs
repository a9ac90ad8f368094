//! Console output of hearthd, apart from its log.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use hearth_base::{Error, ErrorKind};

/// Prints a result to standard output.
pub fn print_result(text: impl Display) {
    // A closed standard output leaves nowhere to report the error.
    let _closed_output = writeln!(io::stdout(), "{text}");
}

/// Prints an error with its cause and next step. Returns exit status 1 for a user error, 2 otherwise.
pub fn print_error(error: &Error) -> ExitCode {
    let mut text = format!("error: {error} [{}]\n", error.code());
    for sentence in error.public_messages().skip(1) {
        text.push_str(&format!("       {sentence}\n"));
    }
    if let (ErrorKind::Internal, Some(cause)) = (error.kind(), error.cause()) {
        text.push_str(&format!("cause: {cause}\n"));
    }
    if let Some(next) = error.help_text() {
        text.push_str(&format!("next:  {next}\n"));
    }
    let _closed_output = io::stderr().write_all(text.as_bytes());
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Timeout => ExitCode::from(2),
        _ => ExitCode::from(1),
    }
}

/// Prints the help or version (exit status 0), or the help because a command is missing (exit status 1).
pub fn print_help(usage: &clap::Error) -> ExitCode {
    let _closed_output = usage.print();
    if usage.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
