//! Audit of refused changes: a change that a service refuses for lack of a right is recorded by `accounts`.

use std::{net::IpAddr, time::Duration};

use axum::http::{Method, StatusCode};
use hearth_base::{Error, RequestId, Result, Role};
use hearth_kit::log_error;
use hearth_wire::accounts::internal::RefusedChange;

use crate::Gateway;

/// Time limit for recording a refusal. The reply waits for it, so that no refusal is lost at a shutdown.
const RECORD_TIMEOUT: Duration = Duration::from_secs(3);

/// A request that may be refused, as the audit log shows it.
#[derive(Debug)]
pub struct AuditedRequest {
    /// Id of the request.
    pub id: RequestId,
    /// Method of the request.
    pub method: Method,
    /// Path without the query, which may hold secrets.
    pub path: String,
    /// Name of the tool in the path.
    pub tool: Option<String>,
    /// Address of the client.
    pub client: Option<IpAddr>,
}

/// Records a refused change of the caller with this name. A failure is only logged.
pub async fn record_refusal(
    gateway: &Gateway,
    request: AuditedRequest,
    who: &str,
    status: StatusCode,
    code: Option<&str>,
) {
    let is_change = !request.method.is_safe();
    if status != StatusCode::FORBIDDEN || !is_change || who == "nobody" {
        return;
    }
    let AuditedRequest { id, method, path, tool, client } = request;
    let refused = RefusedChange {
        who: who.to_owned(),
        method: method.to_string(),
        path,
        tool,
        code: code.unwrap_or("forbidden").to_owned(),
        client,
    };
    if let Err(error) = send_refusal(gateway, &refused, id).await {
        log_error!(&error, "refused change not recorded in the audit log");
    }
}

async fn send_refusal(gateway: &Gateway, refused: &RefusedChange, id: RequestId) -> Result<()> {
    let accounts = gateway.kit.clients.create_client(Role::Accounts)?;
    let id = id.to_string();
    let calls = accounts.accounts_internal();
    let sending = calls.record_refused_change(refused, &id);
    let sent = tokio::time::timeout(RECORD_TIMEOUT, sending).await;
    sent.map_err(|_| Error::unavailable("service-timeout", "accounts did not respond in time"))?.map(drop)
}
