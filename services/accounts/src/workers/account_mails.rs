//! The workers that mail recovery codes, and notices of changed mail addresses. Their queue items are users.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings};
use jiff::SignedDuration;

use crate::{
    app::{mail_addresses, recovery},
    context::AccountsContext,
    store::AccountStore,
};

/// Mail about an account that the queue sends.
#[derive(Debug, Clone, Copy)]
pub enum AccountMailKind {
    /// A recovery code.
    RecoveryCode,
    /// A notice to a former address.
    AddressNotice,
}

/// Sends mails of one kind to users.
pub struct SendAccountMails(pub AccountMailKind, pub AccountsContext);

impl QueueTask for SendAccountMails {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        match self.0 {
            AccountMailKind::RecoveryCode => AccountStore::RECOVERY_MAIL_TASK,
            AccountMailKind::AddressNotice => AccountStore::ADDRESS_NOTICE_TASK,
        }
    }

    fn settings(&self) -> TaskSettings {
        // The code of an outage of many hours would be of no use any more.
        let retry = RetryPolicy { first_pause: SignedDuration::from_secs(10), ..RetryPolicy::DEFAULT };
        TaskSettings { retry, ..TaskSettings::DEFAULT }
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<()> {
        let (Self(kind, cx), user) = (self, item.key.parse()?);
        match kind {
            AccountMailKind::RecoveryCode => recovery::send_recovery_mail(cx, user).await,
            AccountMailKind::AddressNotice => mail_addresses::send_address_notice(cx, user).await,
        }
    }
}
