//! A tool's page, asked for at the server's door. Names below its domain need not be known to this machine: the
//! connection goes to the server, and the name is said in the request.

use std::time::Duration;

use http::{Method, Uri, header};

use crate::session::Session;

/// How long a page may take to answer after it was put in place.
const PATIENCE: Duration = Duration::from_secs(15);

/// What every page of the door's own carries, and none of a tool's.
const DOORS_OWN: &str = "x-hearth-code";

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(400);

/// Whether the page at `url` answers, and not the door in its place.
pub async fn answers(session: &Session<'_>, url: &str) -> bool {
    let asked = async {
        while !answers_now(session, url).await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.is_ok()
}

/// Nothing of the user's is shown to a page.
async fn answers_now(session: &Session<'_>, url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let Some(host) = url.authority() else { return false };
    let nobody = session.nobody();
    let call = nobody.call(Method::GET, url.path()).header(header::HOST, host.as_str());
    match call.raw().await {
        Ok(answer) => !answer.status().is_server_error() && !answer.headers().contains_key(DOORS_OWN),
        Err(_) => false,
    }
}
