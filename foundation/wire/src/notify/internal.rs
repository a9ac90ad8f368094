//! Calls of other services to `notify`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Notification channels of this Hearth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Channels {
    /// True when the operator configured a mail server.
    pub mail: bool,
}
