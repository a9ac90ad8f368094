//! Mandates: permission to act for a caller after the caller's request has ended.

use axum::http::HeaderValue;
use hearth_base::{Error, MandateId, Result, Role, Scopes, Secret, ToolName};
use hearth_client::{Client, DelegatedAuthority};
use hearth_wire::accounts::internal::{MandateCreate, MandateDerive, StandingMandate, StandingMandateCreate};

use crate::{ServiceClients, guard::IdentityHeaders};

/// A client that acts for the caller who gave a mandate. Valid for one call within seconds.
#[derive(Debug, Clone)]
pub struct DelegatedClient {
    /// The client.
    pub client: Client,
    /// The current name of the mandate's tool, for the paths of calls.
    pub tool: ToolName,
}

impl ServiceClients {
    /// Creates a mandate with the rights of a request's caller, limited to `scopes`, for work after the response.
    /// `cause` names the work in the audit log.
    pub async fn create_mandate(
        &self,
        identity_headers: &IdentityHeaders,
        scopes: Scopes,
        cause: String,
    ) -> Result<MandateId> {
        let secret = |value: &HeaderValue| value.to_str().map(Secret::new).map_err(Error::internal);
        let identity = identity_headers.identity.as_ref().map(secret).transpose()?;
        let identity =
            identity.ok_or_else(|| Error::internal("a mandate requires a caller with an identity"))?;
        let mandate = identity_headers.mandate.as_ref().map(secret).transpose()?;
        let create = MandateCreate { identity, mandate, scopes, cause };
        Ok(self.create_client(Role::Accounts)?.accounts_internal().create_mandate(&create).await?.id)
    }

    /// Creates a client of `service` that acts for the caller who gave the mandate. Call it again for every step:
    /// it fails as soon as that caller has lost the right.
    pub async fn create_delegated_client(
        &self,
        service: Role,
        mandate: MandateId,
    ) -> Result<DelegatedClient> {
        let used =
            self.create_client(Role::Accounts)?.accounts_internal().use_mandate(mandate, service).await?;
        let own = self.create_client(service)?;
        let acting = DelegatedAuthority::with_mandate(self.authority(), used.mandate.expose_secret())?;
        Ok(DelegatedClient { client: own.with_authority(std::sync::Arc::new(acting)), tool: used.tool })
    }

    /// Creates a standing mandate of a request's caller, for something that acts without a request.
    pub async fn create_standing_mandate(
        &self,
        identity_headers: &IdentityHeaders,
        scopes: Scopes,
        cause: String,
    ) -> Result<StandingMandate> {
        let identity = identity_headers.identity.as_ref();
        let identity =
            identity.ok_or_else(|| Error::internal("a mandate requires a caller with an identity"))?;
        let identity = Secret::new(identity.to_str().map_err(Error::internal)?);
        let create = StandingMandateCreate { identity, scopes, cause };
        self.create_client(Role::Accounts)?.accounts_internal().create_standing_mandate(&create).await
    }

    /// Shows the owner of a standing mandate, and whether the owner still has the right.
    pub async fn show_standing_mandate(&self, standing: MandateId) -> Result<StandingMandate> {
        self.create_client(Role::Accounts)?.accounts_internal().show_standing_mandate(standing).await
    }

    /// Makes a mandate for one work from a standing mandate. Errors `mandate-lost` and `mandate-ended` (forbidden) when
    /// its owner has lost the right.
    pub async fn derive_mandate(
        &self,
        standing: MandateId,
        scopes: Scopes,
        cause: String,
    ) -> Result<MandateId> {
        let derive = MandateDerive { scopes, cause };
        let accounts = self.create_client(Role::Accounts)?;
        Ok(accounts.accounts_internal().derive_mandate(standing, &derive).await?.id)
    }

    /// Ends a mandate whose work is done.
    pub async fn end_mandate(&self, mandate: MandateId) -> Result<()> {
        self.create_client(Role::Accounts)?.accounts_internal().end_mandate(mandate).await.map(|_| ())
    }
}
