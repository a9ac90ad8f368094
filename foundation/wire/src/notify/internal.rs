//! Calls of other services to `notify`.

use hearth_base::EmailAddress;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Notification channels of this Hearth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Channels {
    /// True when the operator configured a mail server.
    pub mail: bool,
}

/// Mail of `accounts` to one person: a code. It is sent at once and not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::AccountMail)]
pub struct AccountMail {
    /// Address of the recipient.
    #[schema(value_type = String, format = Email)]
    pub to: EmailAddress,
    /// Subject.
    pub subject: String,
    /// Text.
    pub body: String,
}
