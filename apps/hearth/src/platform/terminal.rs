//! A terminal that is handed through to a program elsewhere.

#[cfg(unix)]
pub use unix::{RawTerminal, Resizes};

#[cfg(not(unix))]
pub use other::{RawTerminal, Resizes};

#[cfg(unix)]
mod unix {
    use std::io;

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The terminal gives every key as it is pressed, until this is dropped.
    pub struct RawTerminal(Termios);

    impl RawTerminal {
        /// Whether a terminal can be handed through here.
        pub const POSSIBLE: bool = true;

        /// Enters it.
        pub fn enter() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            // What was typed before is for the program, too.
            tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
            Ok(Self(before))
        }
    }

    impl Drop for RawTerminal {
        fn drop(&mut self) {
            let _the_terminal_is_gone = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
        }
    }

    /// Tells when the terminal has another size.
    pub struct Resizes(Signal);

    impl Resizes {
        /// From now on.
        pub fn watch() -> io::Result<Self> {
            signal(SignalKind::window_change()).map(Self)
        }

        /// Waits for the next time.
        pub async fn next(&mut self) {
            if self.0.recv().await.is_none() {
                std::future::pending().await
            }
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::io;

    /// Terminals are not handed through here.
    pub struct RawTerminal;

    impl RawTerminal {
        /// Whether a terminal can be handed through here.
        pub const POSSIBLE: bool = false;

        /// Does nothing.
        pub fn enter() -> io::Result<Self> {
            Ok(Self)
        }
    }

    /// Never tells anything.
    pub struct Resizes;

    impl Resizes {
        /// From now on.
        pub fn watch() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits for ever.
        pub async fn next(&mut self) {
            std::future::pending().await
        }
    }
}
