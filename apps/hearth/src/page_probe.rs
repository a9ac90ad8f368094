//! Probe of a tool's page through the server's edge. This machine need not resolve names below the tools'
//! domain: the connection goes to the server, and the `Host` header has the name.

use std::time::Duration;

use http::{Method, Uri, header};

use crate::session::Session;

/// The time within which a page must answer after the switch.
const PAGE_READY_TIMEOUT: Duration = Duration::from_secs(15);

/// The header on each of the edge's own error pages, and on none of a tool's.
const EDGE_ERROR_HEADER: &str = "x-hearth-code";

/// The pause between two probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(400);

/// Waits until the page at `url` answers itself, not the edge in its place; returns false after the timeout.
pub async fn wait_until_page_answers(session: &Session<'_>, url: &str) -> bool {
    let ready = async {
        while !probe_page(session, url).await {
            tokio::time::sleep(PROBE_INTERVAL).await;
        }
    };
    tokio::time::timeout(PAGE_READY_TIMEOUT, ready).await.is_ok()
}

/// Sends one probe. It carries no credential: the page is not part of the server.
async fn probe_page(session: &Session<'_>, url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let Some(host) = url.authority() else { return false };
    let client = session.anonymous_client();
    let call = client.build_call(Method::GET, url.path()).header(header::HOST, host.as_str());
    match call.send_raw().await {
        Ok(answer) => !answer.status().is_server_error() && !answer.headers().contains_key(EDGE_ERROR_HEADER),
        Err(_) => false,
    }
}
