//! `hearth completion SHELL`: what completes commands in a shell.

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell as Generator;
use hearth_base::Result;

use crate::{cli::Cli, printer::Printer};

/// What `hearth completion` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// bash, zsh or fish
    #[arg(hide_possible_values = true)]
    shell: Shell,
}

/// A shell that this program writes completions for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints it.
pub fn run(printer: &Printer, args: &Args) -> Result<()> {
    let (generator, line) = match args.shell {
        Shell::Bash => (Generator::Bash, "add to ~/.bashrc: source <(hearth completion bash)"),
        Shell::Zsh => (Generator::Zsh, "add to ~/.zshrc, behind compinit: source <(hearth completion zsh)"),
        Shell::Fish => {
            (Generator::Fish, "add to ~/.config/fish/config.fish: hearth completion fish | source")
        }
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut Cli::command(), "hearth", &mut script);
    printer.raw(&String::from_utf8_lossy(&script))?;
    if printer.shows_results() {
        printer.next(line);
    }
    Ok(())
}
