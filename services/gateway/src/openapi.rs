//! `/openapi.json`: one document for the whole API, merged from the services' documents on first use.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{Method, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Result, Role};
use hearth_kit::{ApiError, Authed, spec};
use tokio::sync::OnceCell;

use crate::{Gateway, Open, identities::hide_service_address};

/// Merged document; empty until all services have responded. All responses share its bytes: a megabyte for each reader
/// that never reads would add up.
#[derive(Default)]
pub struct MergedDocument(OnceCell<Bytes>);

/// Show the OpenAPI 3.1 document of the whole API.
#[utoipa::path(get, path = "/openapi.json", tag = "gateway", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI document", content_type = "application/json")))]
pub async fn show_merged(State(gateway): State<Arc<Gateway>>, _: Authed<Open>) -> Response {
    match gateway.documents.0.get_or_try_init(|| merge_documents(&gateway)).await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response(),
        Err(error) => ApiError(hide_service_address(error)).into_response(),
    }
}

async fn merge_documents(gateway: &Gateway) -> Result<Bytes> {
    let mut documents = Vec::new();
    for role in Role::ALL {
        if gateway.kit.clients.find_transport(*role).is_ok() {
            let client = gateway.kit.clients.create_client(*role)?;
            documents
                .push(client.build_call(Method::GET, &format!("/{role}/openapi.json")).fetch_json().await?);
        }
    }
    let merged = spec::merge_documents(documents)?;
    Ok(merged.to_string().into())
}
