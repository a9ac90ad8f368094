//! From the words that were typed to the status that the program ends with.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, ValueEnum};
use hearth_base::{Clock, Error, Result, SystemClock};

use crate::{
    ask::Ask,
    cli::{self, Cli, Command},
    commands,
    context::Context,
    dispatch,
    exit::{self, Exit},
    external,
    flags::Global,
    leftover::Leftover,
    printer::{ColorChoice, Fields, Manner, Printer, Stream},
    settings::{Environment, Flags, Settings},
    usage,
    words::Words,
};

/// What is true when nobody answered a question: they all come before the first change.
const NOTHING: &str = "nothing was changed";

/// Does what `arguments`, the program's own name first, ask for.
pub fn run(arguments: Vec<OsString>) -> Exit {
    let words = Words::of(&arguments);
    let environment = Environment::read();
    let parsed = tree(&words, &environment)
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, command, .. } = match parsed {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &words, &environment),
    };
    let Global { quiet, verbose, .. } = global;
    let manner = Manner { json: global.json.clone(), quiet, verbose };
    let printer = printer(global.color, manner, &environment);
    let ended = match command {
        Some(Command::External(line)) => {
            let ended = external::run(&line, &global, &environment.path, &words, &Cli::command());
            // What stands behind a command that is none was meant for this program, not for another.
            return ended.unwrap_or_else(|error| end(&as_typed(&words, &environment), &error));
        }
        Some(Command::Completion(args)) => {
            commands::completion::run(&printer, args, environment, cli::whole()).map(|()| Exit::Done)
        }
        Some(Command::Man(args)) => commands::man::run(&printer, &args, cli::whole()).map(|()| Exit::Done),
        command => with_server(&printer, global, environment, words, command),
    };
    ended.unwrap_or_else(|error| end(&printer, &error))
}

/// The tree of commands; those on the search path are looked for only when somebody asks for help.
fn tree(words: &Words, environment: &Environment) -> clap::Command {
    let tree = Cli::command();
    if !words.flags().any(|word| matches!(word, "-h" | "--help" | "help")) {
        return tree;
    }
    let names = external::names(&environment.path, &tree);
    if names.is_empty() {
        return tree;
    }
    let list = names.into_iter().collect::<Vec<_>>().join(", ");
    let after = tree.get_after_help().map(ToString::to_string).unwrap_or_default();
    tree.after_help(format!("On the search path: {list}\n{after}"))
}

/// Prints as the flags among the words say, whatever else is wrong with them.
fn as_typed(words: &Words, environment: &Environment) -> Printer {
    let mut json = None;
    let mut color = None;
    let mut before = "";
    for word in words.flags() {
        if word == "--json" || word.starts_with("--json=") {
            json = Some(Fields::default());
        }
        let choice = if before == "--color" { Some(word) } else { word.strip_prefix("--color=") };
        color = choice.and_then(|choice| ColorChoice::from_str(choice, false).ok()).or(color);
        before = word;
    }
    printer(color.unwrap_or_default(), Manner { json, ..Manner::default() }, environment)
}

fn refuse(error: &clap::Error, words: &Words, environment: &Environment) -> Exit {
    let printer = as_typed(words, environment);
    if usage::is_answer(error) {
        return match printer.raw(&error.render().to_string()) {
            Ok(()) => Exit::Done,
            Err(error) => end(&printer, &error),
        };
    }
    if usage::is_incomplete(error) {
        printer.help(&error.render().to_string());
        return Exit::User;
    }
    end(&printer, &usage::explain(error, words))
}

fn printer(color: ColorChoice, manner: Manner, environment: &Environment) -> Printer {
    let (out, err) = (Stream::out(color, environment), Stream::err(color, environment));
    Printer::new(out, err, manner, SystemClock.now())
}

fn end(printer: &Printer, error: &Error) -> Exit {
    let exit = Exit::of(error);
    if exit == Exit::Interrupted {
        printer.interrupted(error)
    } else {
        printer.error(error)
    }
    exit
}

fn with_server(
    printer: &Printer,
    global: Global,
    environment: Environment,
    words: Words,
    command: Option<Command>,
) -> Result<Exit> {
    let Global { server, tool, json: _, yes, color: _, verbose: _, quiet: _ } = global;
    let ask = Ask::new(yes, environment.ci, printer.is_seen());
    let settings = Settings::read(Flags { server, tool }, environment)?;
    let leftover = Leftover::default();
    let cx = Context { printer: printer.clone(), settings, ask, words, yes, leftover };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
    let what_stays = dispatch::after_interrupt(command.as_ref());
    let ended = runtime.block_on(async {
        tokio::select! {
            // First, so that the signal is listened for before the first question is asked.
            biased;
            _ = tokio::signal::ctrl_c() => {
                printer.fresh_line();
                let gone = cx.leftover.take_away().await;
                let what_stays = if cx.ask.waits() { NOTHING } else { what_stays };
                Err(exit::interrupted(gone.unwrap_or(what_stays)))
            }
            ended = dispatch::run(&cx, command) => ended,
        }
    });
    // A thread may still wait for an answer that nobody will type.
    runtime.shutdown_background();
    ended
}
