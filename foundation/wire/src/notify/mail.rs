//! Mail about a tool.

use hearth_base::{MailId, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether mail about a tool is sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::MailSettings)]
pub struct MailSettings {
    /// Whether this Hearth sends mail at all.
    pub sends: bool,
    /// Whether the caller has switched mail about this tool off.
    pub off: bool,
    /// The maintainers who have an address and have not switched it off, by name; a hundred at most.
    #[schema(value_type = Vec<String>)]
    pub recipients: Vec<UserName>,
    /// How many events wait for the next mail.
    pub waiting: u64,
    /// When the next mail goes out, if any event waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
}

/// Switching mail about a tool off or on, for oneself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::MailSettingsPut)]
pub struct MailSettingsPut {
    /// Whether the caller gets none.
    pub off: bool,
}

/// One mail to one maintainer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Mail)]
pub struct Mail {
    /// Its id.
    #[schema(value_type = String)]
    pub id: MailId,
    /// To whom it goes.
    #[schema(value_type = String)]
    pub user: UserName,
    /// Its subject.
    pub subject: String,
    /// How many events it tells of.
    pub events: u32,
    /// Where it stands.
    pub state: MailState,
    /// How often it was tried.
    pub tries: u32,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// Why it is not there yet, or never will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::MailState)]
#[serde(rename_all = "lowercase")]
pub enum MailState {
    /// It is tried soon, or again later.
    Waiting,
    /// The mail server has taken it.
    Sent,
    /// It is not tried any more.
    Failed,
}

impl MailState {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}
