//! Everything that hearthd prints outside its log.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use hearth_base::{Error, Kind};

/// A result, for standard output.
pub fn result(text: impl Display) {
    // When nobody reads any more, there is nobody to tell.
    let _nobody_reads = writeln!(io::stdout(), "{text}");
}

/// A refusal: what happened, the cause, what to do next. 1 when it is the user's to mend, 2 otherwise.
pub fn refused(error: &Error) -> ExitCode {
    let mut text = format!("error: {error} [{}]\n", error.code());
    for sentence in error.sentences().skip(1) {
        text.push_str(&format!("       {sentence}\n"));
    }
    if let (Kind::Internal, Some(cause)) = (error.kind(), error.cause()) {
        text.push_str(&format!("cause: {cause}\n"));
    }
    if let Some(next) = error.next() {
        text.push_str(&format!("next:  {next}\n"));
    }
    let _nobody_reads = io::stderr().write_all(text.as_bytes());
    match error.kind() {
        Kind::Internal | Kind::Unavailable | Kind::Timeout => ExitCode::from(2),
        _ => ExitCode::from(1),
    }
}

/// Help, or a command line that cannot be understood: the user's to mend.
pub fn usage(usage: &clap::Error) -> ExitCode {
    let _nobody_reads = usage.print();
    if usage.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
