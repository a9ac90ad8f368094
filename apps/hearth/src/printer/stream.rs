//! What is known of a stream: whether somebody looks at it, how wide it is, and whether it shows colours.

use std::io::IsTerminal;

use crate::{platform, settings::Environment};

/// One of the two streams.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// Whether a terminal shows it.
    pub terminal: bool,
    /// Whether colours may be used.
    pub color: bool,
    /// Whether a line that was written can be written anew.
    pub rewrites: bool,
    /// How many columns there are.
    pub width: usize,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that shows them.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What a coloured word means.
#[derive(Debug, Clone, Copy)]
pub enum Tone {
    /// It went well.
    Good,
    /// Worth a look.
    Warning,
    /// It went wrong.
    Bad,
    /// It matters less than what stands beside it.
    Quiet,
    /// It names what follows.
    Heading,
}

impl Stream {
    /// Standard output.
    pub fn out(choice: ColorChoice, environment: &Environment) -> Self {
        let stream = std::io::stdout();
        let width = stream.is_terminal().then(|| terminal_size::terminal_size_of(&stream)).flatten();
        Self::with(stream.is_terminal(), width, choice, environment)
    }

    /// Standard error.
    pub fn err(choice: ColorChoice, environment: &Environment) -> Self {
        let stream = std::io::stderr();
        let width = stream.is_terminal().then(|| terminal_size::terminal_size_of(&stream)).flatten();
        Self::with(stream.is_terminal(), width, choice, environment)
    }

    fn with(
        terminal: bool,
        size: Option<(terminal_size::Width, terminal_size::Height)>,
        choice: ColorChoice,
        environment: &Environment,
    ) -> Self {
        let rewrites = terminal && platform::COLOURS && !environment.dumb;
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => rewrites && !environment.no_color,
        };
        let width = size.map_or(80, |(width, _)| usize::from(width.0));
        Self { terminal, color, rewrites, width: if width == 0 { 80 } else { width } }
    }

    /// `word` in the colour of `tone`, where there are colours. A word means the same without.
    pub fn paint(&self, tone: Tone, word: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "1;31",
            Tone::Quiet => "2",
            Tone::Heading => "1",
        };
        if self.color { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}
