//! Run of the program: from the command line to the exit status.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, ValueEnum};
use hearth_base::{Clock, Error, Result, SystemClock};

use crate::{
    cleanup::InterruptCleanup,
    cli::{self, Cli, CliCommand},
    command_line::CommandLine,
    commands,
    context::CommandContext,
    dispatch,
    exit::{self, Exit},
    external,
    flags::GlobalArgs,
    kept_flags::KeptFlags,
    parse_error,
    printer::{ColorChoice, Fields, OutputOptions, Printer, TerminalStream},
    prompter::Prompter,
    settings::{CommandSettings, Environment, SettingFlags},
};

/// The message after an interrupted question: all questions come before the first change.
const NOTHING_CHANGED: &str = "nothing was changed";

/// Runs the command of `arguments`, which begin with the program's name.
pub fn run(arguments: Vec<OsString>) -> Exit {
    let command_line = CommandLine::from_arguments(&arguments, cli::find_whole_tree);
    let environment = Environment::read();
    let parsed = build_tree(&command_line, &environment)
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, command, .. } = match parsed {
        Ok(cli) => cli,
        Err(error) => return report_parse_error(&error, &command_line, &environment),
    };
    let GlobalArgs { quiet, verbose, .. } = global;
    let kept_flags = KeptFlags::new(
        global.server.as_ref().map(ToString::to_string),
        global.tool.as_ref().map(ToString::to_string),
        command_line.clone(),
    );
    let options = OutputOptions { json: global.json.clone(), quiet, verbose, kept_flags };
    let printer = build_printer(global.color, options, &environment);
    let ended = match command {
        Some(CliCommand::External(line)) => {
            let ended = external::run_program(
                &line,
                &global,
                &environment.search_path,
                &command_line,
                &Cli::command(),
            );
            // The flags after an unknown command were meant for this program.
            return ended.unwrap_or_else(|error| {
                report_error(&build_printer_from_typed_flags(&command_line, &environment), &error)
            });
        }
        Some(CliCommand::Completion(args)) => {
            commands::completion::run(&printer, args, environment, cli::build_full_tree())
                .map(|()| Exit::Done)
        }
        Some(CliCommand::Man(args)) => {
            commands::man::run(&printer, &args, cli::build_full_tree()).map(|()| Exit::Done)
        }
        command => run_with_server(&printer, global, environment, command_line, command),
    };
    ended.unwrap_or_else(|error| report_error(&printer, &error))
}

/// Builds the tree of commands. External commands are searched only for the help.
fn build_tree(command_line: &CommandLine, environment: &Environment) -> clap::Command {
    let tree = Cli::command();
    if !command_line.words_before_separator().any(|word| matches!(word, "-h" | "--help" | "help")) {
        return tree;
    }
    let names = external::list_external_commands(&environment.search_path, &tree);
    if names.is_empty() {
        return tree;
    }
    let list = names.into_iter().collect::<Vec<_>>().join(", ");
    let after = tree.get_after_help().map(ToString::to_string).unwrap_or_default();
    tree.after_help(format!("Commands on PATH: {list}\n{after}"))
}

/// Builds a printer from the output flags on the command line, although its parse failed.
fn build_printer_from_typed_flags(command_line: &CommandLine, environment: &Environment) -> Printer {
    let mut json = None;
    let mut color = None;
    let mut before = "";
    for word in command_line.words_before_separator() {
        if word == "--json" || word.starts_with("--json=") {
            json = Some(Fields::default());
        }
        let choice = if before == "--color" { Some(word) } else { word.strip_prefix("--color=") };
        color = choice.and_then(|choice| ColorChoice::from_str(choice, false).ok()).or(color);
        before = word;
    }
    build_printer(color.unwrap_or_default(), OutputOptions { json, ..OutputOptions::default() }, environment)
}

fn report_parse_error(error: &clap::Error, command_line: &CommandLine, environment: &Environment) -> Exit {
    let printer = build_printer_from_typed_flags(command_line, environment);
    if parse_error::is_help_or_version(error) {
        return match printer.print_raw(&error.render().to_string()) {
            Ok(()) => Exit::Done,
            Err(error) => report_error(&printer, &error),
        };
    }
    if parse_error::lacks_subcommand(error) {
        printer.print_help(&error.render().to_string());
        return Exit::UserError;
    }
    report_error(&printer, &parse_error::explain_parse_error(error, command_line))
}

fn build_printer(color: ColorChoice, manner: OutputOptions, environment: &Environment) -> Printer {
    let (out, err) =
        (TerminalStream::for_stdout(color, environment), TerminalStream::for_stderr(color, environment));
    Printer::new(out, err, manner, SystemClock.now())
}

fn report_error(printer: &Printer, error: &Error) -> Exit {
    let exit = Exit::from_error(error);
    if exit == Exit::Interrupted {
        printer.print_interrupted(error)
    } else {
        printer.print_error(error)
    }
    exit
}

fn run_with_server(
    printer: &Printer,
    global: GlobalArgs,
    environment: Environment,
    command_line: CommandLine,
    command: Option<CliCommand>,
) -> Result<Exit> {
    let GlobalArgs { server, tool, json: _, yes, color: _, verbose: _, quiet: _ } = global;
    let prompter = Prompter::new(yes, environment.is_ci, printer.is_stderr_a_terminal());
    let settings = CommandSettings::read(SettingFlags { server, tool }, environment)?;
    let cleanup = InterruptCleanup::default();
    let cx = CommandContext {
        printer: printer.clone(),
        settings,
        prompter,
        command_line,
        assume_yes: yes,
        cleanup,
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
    let interrupt_note = dispatch::explain_interrupt(command.as_ref());
    let ended = runtime.block_on(async {
        tokio::select! {
            // First, so that the signal handler is installed before the first question.
            biased;
            _ = tokio::signal::ctrl_c() => {
                printer.start_new_line();
                let cleanup_note = cx.cleanup.run_cleanup().await;
                let interrupt_note = if cx.prompter.is_waiting() { NOTHING_CHANGED } else { interrupt_note };
                Err(exit::build_interrupted_error(cleanup_note.unwrap_or(interrupt_note)))
            }
            ended = dispatch::run(&cx, command) => ended,
        }
    });
    // A blocking thread may still wait for typed input; the program must not wait for it.
    runtime.shutdown_background();
    ended
}
