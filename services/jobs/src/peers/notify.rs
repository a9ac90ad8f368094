//! Mail settings, from `notify`.

use hearth_base::{Result, Role};

use super::PeerServices;

impl PeerServices {
    /// Returns whether this Hearth has a mail server. While `notify` does not answer, true is assumed.
    pub async fn can_send_mail(&self) -> bool {
        let Ok(notify) = self.client_for(Role::Notify) else { return false };
        let channels: Result<_> = notify.notify().show_channels().await;
        channels.map_or_else(
            |error| {
                tracing::info!(%error, "notification channels not read; mail is assumed");
                true
            },
            |channels| channels.mail,
        )
    }
}
