//! `hearth whoami`: shows the user and the credential.

use hearth_base::{Credential, Result, Scopes};
use hearth_wire::accounts::CallerInfo;
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, settings::ServerAddress};

/// The caller and the credential.
#[derive(Debug, Serialize, Deserialize)]
struct CallerIdentity {
    name: String,
    kind: String,
    operator: bool,
    server: ServerAddress,
    credential: Credential,
    scopes: Scopes,
}

/// Prints the name as the result, and the credential as a note.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<CallerIdentity>()?;
    let session = cx.open_session()?;
    let CallerInfo { kind, name, operator, credential, scopes } =
        session.send(session.client.accounts().show_caller()).await?;
    let shown = name.clone();
    let caller = CallerIdentity { name, kind, operator, server: session.server.clone(), credential, scopes };
    result.print_sentence(&caller, &shown)?;
    let as_what = match (caller.kind.as_str(), caller.operator) {
        ("tool", _) => "a tool",
        (_, true) => "an operator",
        (_, false) => "a user",
    };
    cx.printer.print_note(&format!("{as_what}, {}", session.describe_credential().unwrap_or_default()));
    let scopes = caller.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    cx.printer.print_note(&format!("the scopes of the token are: {scopes}"));
    Ok(())
}
