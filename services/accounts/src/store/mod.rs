//! Database tables of the account service; no other module accesses its database.

mod attempt_counter;
mod audit;
mod deploy_token;
mod device;
mod email_code;
mod finalizer;
mod invitation;
mod mandate;
mod member;
mod member_offer;
mod migrations;
mod quota;
mod recovery_code;
mod run_token;
mod session;
mod token;
mod tool;
mod tool_request;
mod tool_request_migration;
mod user;

use hearth_base::{Result, UserId};
use hearth_kit::{
    db::{
        Db, Tx, columns,
        queue::{Queue, TaskName},
    },
    events::EventStream,
    tasks::ShutdownSignal,
};
use serde::{Deserialize, Serialize};

pub use audit::{AuditFilter, MAX_AUDIT_TEXT_CHARACTERS, NewAuditEntry};
pub use deploy_token::StoredDeployToken;
pub use device::NewDevice;
pub use email_code::EmailCode;
pub use invitation::Invitation;
pub use mandate::{Mandate, MandateCredential};
pub use member::Member;
pub use member_offer::MemberOffer;
pub use migrations::list_migrations;
pub use recovery_code::{NewRecoveryCode, RecoveryOrigin};
pub use run_token::RunToken;
pub use session::Session;
pub use token::{StoredToken, TokenHolder};
pub use tool::StoredTool;
pub use tool_request::{RequestDetails, RequestFilter, StoredRequest};
pub use user::User;

/// Mail to an operator with a notice of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperatorMail {
    pub operator: UserId,
    pub subject: String,
    pub body: String,
}

/// Database of the account service.
#[derive(Debug, Clone)]
pub struct AccountStore {
    db: Db,
    /// Events for other services.
    pub events: EventStream,
    /// Queue of background work.
    pub queue: Queue,
}

impl AccountStore {
    /// The task that mails a recovery code; its key is the user's id.
    pub const RECOVERY_MAIL_TASK: TaskName<()> = TaskName::new("recovery-mail");
    /// The task that mails a notice of a service to an operator; its key is the notice's and the operator's.
    pub const OPERATOR_MAIL_TASK: TaskName<OperatorMail> = TaskName::new("operator-mail");
    /// The task that tells a former mail address that it was replaced; its key is the user's id.
    pub const ADDRESS_NOTICE_TASK: TaskName<()> = TaskName::new("address-notice");

    /// Creates a store over the tables and the queue in `db`.
    pub fn new(db: Db, queue: Queue, stop: ShutdownSignal) -> Self {
        Self { events: EventStream::new(db.clone(), stop), queue, db }
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}
