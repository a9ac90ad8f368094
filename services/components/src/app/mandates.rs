//! Mandates: the rights in whose name this service works for a user.

use hearth_base::MandateId;

use crate::context::ComponentsContext;

/// Ends a mandate that nothing needs any more. If `accounts` does not answer, it expires.
pub async fn end_unused_mandate(cx: &ComponentsContext, mandate: MandateId) {
    if let Err(error) = cx.clients.end_mandate(mandate).await {
        tracing::debug!(%error, "mandate not ended; it will expire");
    }
}
