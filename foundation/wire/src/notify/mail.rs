//! Mail about a tool.

use hearth_base::{MailId, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

/// Mail settings of a tool and its recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::MailSettings)]
pub struct MailSettings {
    /// True when this Hearth sends mail.
    pub sends: bool,
    /// True when the caller switched mail about this tool off.
    pub off: bool,
    /// Maintainers with a mail address who receive mail about this tool, by name; at most 100.
    #[schema(value_type = Vec<String>)]
    pub recipients: Vec<UserName>,
    /// Number of events in the next mail.
    pub waiting: u64,
    /// Time of the next mail, if any event waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// Event types that are mailed to the caller; empty for a tool token. About runs, a job's `emails` decides too.
    #[serde(default)]
    pub events: Vec<EventType>,
    /// Event types that can be chosen.
    #[serde(default)]
    pub available_events: Vec<EventType>,
    /// Event types that are mailed to members who have chosen none.
    #[serde(default)]
    pub default_events: Vec<EventType>,
}

/// Mail settings of the caller for one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::MailSettingsPut)]
pub struct MailSettingsPut {
    /// True: send no mail to the caller.
    pub off: bool,
    /// Event types that are mailed to the caller, of `available_events`; absent: unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventType>>,
}

/// Mail to one maintainer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Mail)]
pub struct Mail {
    /// Id of the mail.
    #[schema(value_type = String)]
    pub id: MailId,
    /// Name of the recipient.
    #[schema(value_type = String)]
    pub user: UserName,
    /// Subject of the mail.
    pub subject: String,
    /// Number of events in the mail.
    pub events: u32,
    /// State of the mail.
    pub state: MailState,
    /// Number of attempts.
    pub tries: u32,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time of the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// Error of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
}

/// State of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::MailState)]
#[serde(rename_all = "lowercase")]
pub enum MailState {
    /// An attempt is pending.
    Waiting,
    /// The mail server accepted the mail.
    Sent,
    /// All attempts failed.
    Failed,
}

impl MailState {
    /// Returns the value's form on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}
