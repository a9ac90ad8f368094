//! The worker that mails notices of services to operators.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, TaskName, TaskSettings};

use crate::{
    app::operator_notices,
    context::AccountsContext,
    store::{AccountStore, OperatorMail},
};

/// Sends notices of services.
pub struct SendOperatorMails(pub AccountsContext);

impl QueueTask for SendOperatorMails {
    type Payload = OperatorMail;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<OperatorMail> {
        AccountStore::OPERATOR_MAIL_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings::DEFAULT
    }

    async fn perform_item(&self, item: &QueueItem<OperatorMail>, (): &()) -> Result<()> {
        operator_notices::send_operator_mail(&self.0, item.payload.clone()).await
    }
}
