//! `hearth build credentials …`: credentials of the tool for private repositories.

use std::convert::Infallible;

use hearth_base::{Error, Result, Secret};
use hearth_wire::builds::{SourceCredential, SourceCredentialPut};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
    prompter,
    tool_session::ToolSession,
};

/// Command that lists the credentials.
const LIST_COMMAND: &str = "hearth build credentials list";

/// Commands about credentials for private repositories.
#[derive(Debug, clap::Subcommand)]
pub enum SourceCredentialsCommand {
    /// List the credentials, without their secrets
    #[command(before_help = "Example: hearth build credentials list", help_template = HELP_TEMPLATE)]
    List,
    /// Set or replace the credential for a repository, or for all below an address
    #[command(before_help = "Example: hearth build credentials set https://git.example.org/ada/secret",
        help_template = HELP_TEMPLATE)]
    Set(SetCredentialArgs),
    /// Delete a credential; later builds do not get it
    #[command(before_help = "Example: hearth build credentials delete https://git.example.org/ada/secret",
        help_template = HELP_TEMPLATE)]
    Delete(DeleteCredentialArgs),
}

/// Address of a credential, as typed.
#[derive(Debug, Clone)]
pub struct CredentialAddress(String);

impl CredentialAddress {
    /// Parses any text: the server checks it.
    fn parse(typed: &str) -> Result<Self, Infallible> {
        Ok(Self(typed.to_owned()))
    }

    /// True for the address of a credential, also as it is cloned.
    fn names_credential(&self, credential: &SourceCredential) -> bool {
        let typed = self.0.trim_end_matches('/');
        typed.strip_suffix(".git").unwrap_or(typed) == credential.address
    }
}

/// The arguments of `hearth build credentials set`.
#[derive(Debug, clap::Args)]
pub struct SetCredentialArgs {
    /// The repository, or an address above several: https://HOST/PATH
    #[arg(value_parser = CredentialAddress::parse)]
    address: CredentialAddress,
    /// The user name; default: the one that forges accept with a token
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth build credentials delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteCredentialArgs {
    /// The address of the credential
    #[arg(value_parser = CredentialAddress::parse)]
    address: CredentialAddress,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a change, without the secret; `done` is false in a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedCredential {
    address: String,
    /// Absent in a dry run without `--username`.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    done: bool,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: SourceCredentialsCommand) -> Result<()> {
    match command {
        SourceCredentialsCommand::List => list_credentials(cx).await,
        SourceCredentialsCommand::Set(args) => set_credential(cx, args).await,
        SourceCredentialsCommand::Delete(args) => delete_credential(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &SourceCredentialsCommand) -> &'static str {
    match command {
        SourceCredentialsCommand::List => "nothing was changed",
        SourceCredentialsCommand::Set(_) | SourceCredentialsCommand::Delete(_) => {
            "the change may be done already; hearth build credentials list shows it"
        }
    }
}

async fn fetch_credentials(session: &ToolSession<'_>) -> Result<Vec<SourceCredential>> {
    session.send(session.client().builds().list_source_credentials(session.tool_name())).await
}

async fn list_credentials(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<SourceCredential>()?;
    let session = cx.open_tool_session()?;
    let credentials = fetch_credentials(&session).await?;
    let mut table = Table::with_headings(&["address", "user name", "set", "last used", "refused"]);
    for credential in &credentials {
        table.add_row([
            Cell::from(credential.address.as_str()),
            Cell::from(credential.username.as_str()),
            Cell::from(credential.created),
            credential.last_used.map_or(Cell::from("-"), Cell::from),
            credential.last_refusal.map_or(Cell::from("-"), |refusal| Cell::from(refusal.at)),
        ]);
    }
    result.print_list(&credentials, &table)?;
    if credentials.is_empty() {
        cx.printer.print_note("Builds of this tool read public repositories only.");
        cx.printer.print_next("hearth build credentials set ADDRESS");
    }
    let refused = credentials.iter().find_map(|credential| Some((credential, credential.last_refusal?)));
    if let Some((SourceCredential { address, .. }, refusal)) = refused {
        let (day, status) = (refusal.at.strftime("%Y-%m-%d"), refusal.status);
        cx.printer.print_note(&format!(
            "The server refused the credential for {address} on {day} (status {status})."
        ));
        cx.printer.print_next(&format!("hearth build credentials set {address}"));
    }
    Ok(())
}

async fn set_credential(cx: &CommandContext, args: SetCredentialArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedCredential>()?;
    let SetCredentialArgs { address, username, dry_run } = args;
    let session = cx.open_tool_session()?;
    if dry_run.dry_run {
        let known =
            fetch_credentials(&session).await?.iter().any(|credential| address.names_credential(credential));
        let verb = if known { "replace" } else { "set" };
        let sentence = format!("would {verb} the credential for {}", address.0);
        let changed = ChangedCredential { address: address.0, username, done: false };
        return result.print_sentence(&changed, &sentence);
    }
    let secret = read_secret(cx, &address).await?;
    let put = SourceCredentialPut { address: address.0, username, secret };
    let calls = session.client().builds();
    let set = session.send(calls.put_source_credential(session.tool_name(), &put)).await?;
    let SourceCredential { address, username, .. } = set;
    let sentence = format!("the credential for {address} is set (user name {username})");
    result.print_done(&ChangedCredential { address, username: Some(username), done: true }, &sentence)
}

/// Reads the token or password from standard input, or asks for it without echo.
async fn read_secret(cx: &CommandContext, address: &CredentialAddress) -> Result<Secret> {
    let CredentialAddress(address) = address;
    let command = format!("hearth build credentials set {address} < FILE");
    if !prompter::is_stdin_a_terminal() {
        let missing = || {
            let what = "the credential needs a token or password, and standard input is empty";
            Error::invalid("no-value", what).help(command)
        };
        return prompter::read_stdin().await?.ok_or_else(missing);
    }
    cx.prompter.ask_secret(&format!("Token or password for {address}: "), "the secret", &command)
}

async fn delete_credential(cx: &CommandContext, args: DeleteCredentialArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedCredential>()?;
    let DeleteCredentialArgs { address, dry_run } = args;
    let session = cx.open_tool_session()?;
    let found = fetch_credentials(&session)
        .await?
        .into_iter()
        .find(|credential| address.names_credential(credential));
    let Some(SourceCredential { id, address, username, .. }) = found else {
        return Err(Error::not_found("source credential", address.0).help(LIST_COMMAND));
    };
    let target = format!("the credential for {address}");
    let username = Some(username);
    if dry_run.dry_run {
        let changed = ChangedCredential { address, username, done: false };
        return result.print_sentence(&changed, &format!("would delete {target}"));
    }
    cx.require_confirmation("delete", &target).await?;
    session.send(session.client().builds().delete_source_credential(session.tool_name(), id)).await?;
    let sentence = format!("{target} is deleted");
    result.print_done(&ChangedCredential { address, username, done: true }, &sentence)
}
