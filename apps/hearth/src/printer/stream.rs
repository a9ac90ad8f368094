//! Properties of an output stream: terminal, width and colours.

use std::io::IsTerminal;

use crate::{platform, settings::Environment};

/// Standard output or standard error.
#[derive(Debug, Clone, Copy)]
pub struct TerminalStream {
    /// True when the stream is a terminal.
    pub is_terminal: bool,
    /// True when colours are used.
    pub has_color: bool,
    /// True when a printed line can be redrawn.
    pub can_rewrite: bool,
    /// The width in columns.
    pub columns: usize,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// Colours on a terminal that supports them.
    #[default]
    Auto,
    /// Colours always.
    Always,
    /// No colours.
    Never,
}

/// The meaning of a coloured word.
#[derive(Debug, Clone, Copy)]
pub enum Tone {
    /// A success.
    Good,
    /// A warning.
    Warning,
    /// A failure.
    Bad,
    /// Text of less importance.
    Quiet,
    /// A heading.
    Heading,
}

impl TerminalStream {
    /// Reads the properties of standard output.
    pub fn for_stdout(choice: ColorChoice, environment: &Environment) -> Self {
        let stream = std::io::stdout();
        let width = stream.is_terminal().then(|| terminal_size::terminal_size_of(&stream)).flatten();
        Self::from_parts(stream.is_terminal(), width, choice, environment)
    }

    /// Reads the properties of standard error.
    pub fn for_stderr(choice: ColorChoice, environment: &Environment) -> Self {
        let stream = std::io::stderr();
        let width = stream.is_terminal().then(|| terminal_size::terminal_size_of(&stream)).flatten();
        Self::from_parts(stream.is_terminal(), width, choice, environment)
    }

    fn from_parts(
        terminal: bool,
        size: Option<(terminal_size::Width, terminal_size::Height)>,
        choice: ColorChoice,
        environment: &Environment,
    ) -> Self {
        let rewrites = terminal && platform::TERMINALS_HAVE_COLOURS && !environment.is_dumb_terminal;
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => rewrites && !environment.no_color,
        };
        let width = size.map_or(80, |(width, _)| usize::from(width.0));
        Self {
            is_terminal: terminal,
            has_color: color,
            can_rewrite: rewrites,
            columns: if width == 0 { 80 } else { width },
        }
    }

    /// Colours `word` by `tone` if the stream uses colours. The text alone must carry the meaning.
    pub fn colour_text(&self, tone: Tone, word: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "1;31",
            Tone::Quiet => "2",
            Tone::Heading => "1",
        };
        if self.has_color { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}
