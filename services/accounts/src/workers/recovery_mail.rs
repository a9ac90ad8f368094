//! The worker that mails recovery codes. Its queue items are users who asked for one.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings};
use jiff::SignedDuration;

use crate::{app::recovery, context::AccountsContext, store::AccountStore};

/// Mails a recovery code to a user.
pub struct SendRecoveryMails(pub AccountsContext);

impl QueueTask for SendRecoveryMails {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        AccountStore::RECOVERY_MAIL_TASK
    }

    fn settings(&self) -> TaskSettings {
        // The code of an outage of many hours would be of no use any more.
        let retry = RetryPolicy { first_pause: SignedDuration::from_secs(10), ..RetryPolicy::DEFAULT };
        TaskSettings { retry, ..TaskSettings::DEFAULT }
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<()> {
        recovery::send_recovery_mail(&self.0, item.key.parse()?).await
    }
}
