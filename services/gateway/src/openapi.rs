//! `/openapi.json`: everything in one document, put together from the services' own when first asked for.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{Method, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Result, Role};
use hearth_kit::{Authed, Refused, spec};
use tokio::sync::OnceCell;

use crate::{Gateway, Open, identities::without_address};

/// The merged document, once all services have told theirs.
#[derive(Default)]
pub struct Documents(OnceCell<Arc<str>>);

/// Everything in one OpenAPI 3.1 document.
#[utoipa::path(get, path = "/openapi.json", tag = "gateway", operation_id = "openapi",
    responses((status = 200, description = "the document", content_type = "application/json")))]
pub async fn merged(State(gateway): State<Arc<Gateway>>, _: Authed<Open>) -> Response {
    match gateway.documents.0.get_or_try_init(|| merge(&gateway)).await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response(),
        Err(error) => Refused(without_address(error)).into_response(),
    }
}

async fn merge(gateway: &Gateway) -> Result<Arc<str>> {
    let mut documents = Vec::new();
    for role in Role::ALL {
        if gateway.kit.clients.transport(*role).is_ok() {
            let client = gateway.kit.clients.of(*role)?;
            documents.push(client.call(Method::GET, &format!("/{role}/openapi.json")).answer().await?);
        }
    }
    let merged = spec::merge(documents)?;
    Ok(merged.to_string().into())
}
