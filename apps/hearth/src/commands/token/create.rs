//! `hearth token create LABEL`.

use hearth_base::{Result, Scope, Scopes};
use hearth_client::Client;
use hearth_wire::accounts::{TokenCreate, TokenCreated};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{SECRET_SHOWN_ONCE, build_secret_table};
use crate::{
    context::CommandContext,
    flags::DryRun,
    password_session::{self, PasswordSource},
};

/// The arguments of `hearth token create`.
#[derive(Debug, clap::Args)]
pub struct CreateTokenArgs {
    /// For what the token is
    label: String,
    /// Create a token of your own, which may do what you may; asks for your password
    #[arg(long)]
    personal: bool,
    /// Let the token do only this: SERVICE:read or SERVICE:write; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Let the token expire after this many days
    #[arg(long, value_name = "NUMBER")]
    days: Option<u16>,
    /// Read the password for --personal from standard input
    #[arg(long, requires = "personal")]
    password_stdin: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedToken {
    label: String,
    tool: Option<String>,
}

/// Creates the token.
pub async fn run(cx: &CommandContext, args: CreateTokenArgs) -> Result<()> {
    let CreateTokenArgs { label, personal, scopes, days, password_stdin, dry_run } = args;
    let tool = if personal { None } else { Some(cx.require_tool()?) };
    let name = tool.as_ref().map(|tool| tool.value.to_string());
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedToken>()?;
        let of = name.as_ref().map_or_else(|| "of your own".to_owned(), |name| format!("of {name}"));
        let sentence = format!("would create a token {of}, “{label}”");
        return result.print_sentence(&PlannedToken { label, tool: name }, &sentence);
    }
    let result = cx.printer.open_output::<TokenCreated>()?;
    let lifetime = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let create = TokenCreate {
        label,
        scopes: (!scopes.is_empty()).then(|| Scopes::from_scopes(scopes)),
        expires: lifetime.and_then(|lifetime| cx.printer.now().saturating_add(lifetime).ok()),
    };
    let made = match &tool {
        Some(tool) => {
            let session = cx.open_session_for_tool(tool.clone())?;
            session.send(session.client().tools().create_token(&tool.value, &create)).await?
        }
        // A token cannot create one: it would outlive its own expiry.
        None => {
            let source = PasswordSource {
                is_stdin: password_stdin,
                command: "hearth token create LABEL --personal --password-stdin",
            };
            let call = async |client: Client, _| client.accounts().create_token(&create).await;
            password_session::send_with_password(cx, &source, call).await?
        }
    };
    result.print_record(&made, &build_secret_table(&made))?;
    cx.printer.print_note(SECRET_SHOWN_ONCE);
    cx.printer.print_next(&format!("hearth token list{}", if personal { " --personal" } else { "" }));
    Ok(())
}
