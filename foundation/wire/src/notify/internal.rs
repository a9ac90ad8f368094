//! Calls of other services to `notify`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The channels that this Hearth can send by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Channels {
    /// True when an operator has set a mail server.
    pub mail: bool,
}
