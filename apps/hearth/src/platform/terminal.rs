//! Raw mode and resize events of the terminal, for a program in a container.

#[cfg(unix)]
pub use unix::{RawTerminal, Resizes};

#[cfg(not(unix))]
pub use other::{RawTerminal, Resizes};

#[cfg(unix)]
mod unix {
    use std::io;

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The terminal in raw mode: it passes every key on. Drop restores the former mode.
    pub struct RawTerminal(Termios);

    impl RawTerminal {
        /// True where raw mode is supported.
        pub const IS_SUPPORTED: bool = true;

        /// Switches the terminal to raw mode.
        pub fn enter_raw_mode() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut raw = before.clone();
            raw.make_raw();
            // `Drain` keeps the typed input for the program.
            tcsetattr(io::stdin(), OptionalActions::Drain, &raw)?;
            Ok(Self(before))
        }
    }

    impl Drop for RawTerminal {
        fn drop(&mut self) {
            let _terminal_is_closed = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
        }
    }

    /// The resize events of the terminal.
    pub struct Resizes(Signal);

    impl Resizes {
        /// Subscribes to the events.
        pub fn subscribe() -> io::Result<Self> {
            signal(SignalKind::window_change()).map(Self)
        }

        /// Waits for the next event.
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

    /// Raw mode, which is not supported here.
    pub struct RawTerminal;

    impl RawTerminal {
        /// True where raw mode is supported.
        pub const IS_SUPPORTED: bool = false;

        /// Does nothing.
        pub fn enter_raw_mode() -> io::Result<Self> {
            Ok(Self)
        }
    }

    /// Resize events, which never come here.
    pub struct Resizes;

    impl Resizes {
        /// Subscribes to the events.
        pub fn subscribe() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits without a limit.
        pub async fn next(&mut self) {
            std::future::pending().await
        }
    }
}
