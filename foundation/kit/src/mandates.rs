//! Acting for somebody after their request has ended.

use axum::http::HeaderValue;
use hearth_base::{Error, MandateId, Result, Role, Scopes, Secret, ToolName};
use hearth_client::{Acting, Client};
use hearth_wire::accounts::internal::MandateCreate;

use crate::{Clients, guard::Shown};

/// A client that acts for whoever gave a mandate: for one call, soon.
#[derive(Debug, Clone)]
pub struct Deputy {
    /// The client.
    pub client: Client,
    /// The name now of the tool that the mandate is for: the one in the paths of calls.
    pub tool: ToolName,
}

impl Clients {
    /// Keeps what the caller of a request may do, as far as `scopes` go, for what is done after the answer.
    pub async fn mandate(&self, shown: &Shown, scopes: Scopes, cause: String) -> Result<MandateId> {
        let secret = |value: &HeaderValue| value.to_str().map(Secret::new).map_err(Error::internal);
        let identity = shown.identity.as_ref().map(secret).transpose()?;
        let identity = identity.ok_or_else(|| Error::internal("nobody gives a mandate"))?;
        let mandate = shown.mandate.as_ref().map(secret).transpose()?;
        let create = MandateCreate { identity, mandate, scopes, cause };
        Ok(self.of(Role::Accounts)?.internal().mandate_create(&create).await?.id)
    }

    /// A client of `service` that acts for whoever gave the mandate. Refused when they have lost the right; asked
    /// for again at each step, so that the next one is not taken.
    pub async fn acting(&self, service: Role, mandate: MandateId) -> Result<Deputy> {
        let used = self.of(Role::Accounts)?.internal().mandate_use(mandate, service).await?;
        let own = self.of(service)?;
        let acting = Acting::by(self.authority(), used.mandate.reveal())?;
        Ok(Deputy { client: own.showing(std::sync::Arc::new(acting)), tool: used.tool })
    }

    /// Ends a mandate: what it was needed for is done.
    pub async fn mandate_end(&self, mandate: MandateId) -> Result<()> {
        self.of(Role::Accounts)?.internal().mandate_end(mandate).await.map(|_| ())
    }
}
