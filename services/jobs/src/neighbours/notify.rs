//! The question whether this Hearth sends mail.

use hearth_base::{Result, Role};

use super::Neighbours;

impl Neighbours {
    /// Returns whether this Hearth has a mail server to send by. While `notify` does not answer, it may have one.
    pub async fn sends_mail(&self) -> bool {
        let Ok(notify) = self.of(Role::Notify) else { return false };
        let channels: Result<_> = notify.notify().channels().await;
        channels.map_or_else(
            |error| {
                tracing::info!(%error, "channels of notify not read; mail is assumed");
                true
            },
            |channels| channels.mail,
        )
    }
}
