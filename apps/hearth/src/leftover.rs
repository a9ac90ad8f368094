//! What a command would leave behind when it is interrupted.

use std::{cell::RefCell, fmt, pin::Pin, time::Duration};

use hearth_base::Result;

/// How long taking it away may take: whoever pressed Ctrl-C waits.
const PATIENCE: Duration = Duration::from_secs(5);

type TakingAway = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Something that is of no use to anybody when the command is interrupted: what takes it away, and what is said then.
#[derive(Default)]
pub struct Leftover(RefCell<Option<(TakingAway, &'static str)>>);

impl Leftover {
    /// From here on there is something, which this takes away.
    pub fn is(&self, taking_away: impl Future<Output = Result<()>> + 'static, said: &'static str) {
        self.0.replace(Some((Box::pin(taking_away), said)));
    }

    /// There is nothing any more, or it stays.
    pub fn is_nothing(&self) {
        self.0.take();
    }

    /// Takes it away. What is to be said, if there was something, and is not any more.
    pub async fn take_away(&self) -> Option<&'static str> {
        let (taking_away, said) = self.0.take()?;
        let taken = tokio::time::timeout(PATIENCE, taking_away).await;
        matches!(taken, Ok(Ok(()))).then_some(said)
    }
}

impl fmt::Debug for Leftover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Leftover")
    }
}
