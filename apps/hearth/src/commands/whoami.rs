//! `hearth whoami`: who the server says you are.

use hearth_base::{Credential, Result, Scopes};
use hearth_wire::accounts::Me;
use serde::{Deserialize, Serialize};

use crate::{context::Context, settings::Server};

/// Who you are, and by what.
#[derive(Debug, Serialize, Deserialize)]
struct Who {
    name: String,
    kind: String,
    operator: bool,
    server: Server,
    credential: Credential,
    scopes: Scopes,
}

/// Says it: the name alone as the result, the rest beside it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Who>()?;
    let session = cx.session()?;
    let Me { kind, name, operator, credential, scopes } = session.ask(session.client.accounts().me()).await?;
    let shown = name.clone();
    let who = Who { name, kind, operator, server: session.server.clone(), credential, scopes };
    answer.said(&who, &shown)?;
    let as_what = match (who.kind.as_str(), who.operator) {
        ("tool", _) => "a tool",
        (_, true) => "an operator",
        (_, false) => "a user",
    };
    cx.printer.note(&format!("{as_what}, {}", session.credential().unwrap_or_default()));
    let scopes = who.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    cx.printer.note(&format!("the token may be used for: {scopes}"));
    Ok(())
}
