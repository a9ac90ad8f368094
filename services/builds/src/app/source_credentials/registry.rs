//! Registration of source credentials.

use hearth_base::{Error, Result, Secret, ToolId, ToolName};
use hearth_kit::{
    audit::{Change, ChangeAuthor},
    tool_state::lock_existing_tool,
};
use hearth_wire::builds::{SourceCredential, SourceCredentialId, SourceCredentialPut};
use http::Uri;

use crate::{
    context::BuildsContext,
    git::SourceAddress,
    store::{SourceCredentialUse, StoredSourceCredential, format_credential_place},
};

/// Most source credentials of a tool.
const MAX_SOURCE_CREDENTIALS: u64 = 20;
/// Maximum length of a user name, in characters.
const MAX_USERNAME_CHARS: usize = 100;
/// Maximum length of a secret, in characters.
const MAX_SECRET_CHARS: usize = 500;

/// Host whose documented user name for tokens is not [`TOKEN_USERNAME`], with that name.
const GITHUB_TOKEN_USERNAME: (&str, &str) = ("github.com", "x-access-token");
/// User name for tokens: GitLab requires it for OAuth tokens and accepts any for others, as Gitea, Forgejo and GitHub
/// Enterprise do.
const TOKEN_USERNAME: &str = "oauth2";

/// Sets the credential of a tool for an address, or replaces it.
pub async fn put_credential(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    tool: (ToolId, &ToolName),
    put: SourceCredentialPut,
) -> Result<SourceCredential> {
    let SourceCredentialPut { address, username, secret } = put;
    let address: SourceAddress = address.parse()?;
    check_encryption(cx, &address)?;
    let username = username.unwrap_or_else(|| choose_username(&address).to_owned());
    check_username(&username)?;
    check_secret(&secret)?;
    let created = cx.now();
    let id = SourceCredentialId::new(created, &cx.entropy);
    let secret = cx.vault.encrypt_value(format_credential_place(tool.0, id, &address), &secret)?;
    let last_use = SourceCredentialUse::default();
    let credential =
        StoredSourceCredential { id, tool: tool.0, address, username, secret, last_use, created };
    let tx = cx.store.begin().await?;
    // One change of a tool's credentials at a time, so that the count below is exact.
    lock_existing_tool(&tx, tool.0).await?;
    if cx.store.count_other_source_credentials(&tx, tool.0, &credential.address).await?
        >= MAX_SOURCE_CREDENTIALS
    {
        let what = format!("the tool has {MAX_SOURCE_CREDENTIALS} source credentials; more are not allowed");
        return Err(Error::conflict("source-credentials-full", what)
            .help("delete one that is not used: hearth build credentials list"));
    }
    cx.store.replace_source_credential(&tx, &credential).await?;
    let subject = credential.address.to_string();
    let change = Change { action: "source-credential.set", tool: Some(tool), subject };
    cx.record_change(&tx, author, change).await?;
    tx.commit().await?;
    Ok(render_credential(credential))
}

/// Deletes a credential of a tool.
pub async fn delete_credential(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    tool: (ToolId, &ToolName),
    id: SourceCredentialId,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool.0).await?;
    let found = cx.store.find_source_credential(&tx, tool.0, id).await?;
    let credential = found
        .ok_or_else(|| Error::not_found("source credential", id).help("hearth build credentials list"))?;
    cx.store.delete_source_credential(&tx, id).await?;
    let subject = credential.address.to_string();
    let change = Change { action: "source-credential.delete", tool: Some(tool), subject };
    cx.record_change(&tx, author, change).await?;
    tx.commit().await
}

/// Lists the credentials of a tool by address, without their secrets.
pub async fn list_credentials(cx: &BuildsContext, tool: ToolId) -> Result<Vec<SourceCredential>> {
    let credentials = cx.store.list_source_credentials(tool).await?;
    Ok(credentials.into_iter().map(render_credential).collect())
}

fn render_credential(credential: StoredSourceCredential) -> SourceCredential {
    let StoredSourceCredential { id, tool: _, address, username, secret: _, last_use, created } = credential;
    let SourceCredentialUse { accepted, refusal } = last_use;
    let address = address.to_string();
    SourceCredential { id, address, username, created, last_used: accepted, last_refusal: refusal }
}

/// Checks that the secret is encrypted on its way, unless the operator allows requests to this host by an exception.
fn check_encryption(cx: &BuildsContext, address: &SourceAddress) -> Result<()> {
    let uri: Uri = address.to_string().parse().map_err(Error::internal)?;
    if address.is_encrypted() || cx.outbound.has_exception_for(&uri) {
        return Ok(());
    }
    let what = "the address of the credential is invalid: http would send the secret unencrypted";
    Err(Error::invalid("source-address", what)
        .help("use https; for http, ask an operator to add the host to [outbound] allow"))
}

/// Chooses the user name that the server of an address accepts with a token.
fn choose_username(address: &SourceAddress) -> &'static str {
    let (host, username) = GITHUB_TOKEN_USERNAME;
    if address.host() == host { username } else { TOKEN_USERNAME }
}

/// Checks a user name: it is a line of git's credential protocol, and no colon separates it from the secret.
fn check_username(username: &str) -> Result<()> {
    let count = username.chars().count();
    let fits = !username.chars().any(|symbol| symbol.is_control() || symbol == ':');
    if fits && (1..=MAX_USERNAME_CHARS).contains(&count) {
        return Ok(());
    }
    let what = format!(
        "the user name of the credential is invalid; expected 1 to {MAX_USERNAME_CHARS} characters without colons and \
         control characters"
    );
    Err(Error::invalid("source-username", what).help("leave it out for a token"))
}

/// Checks a secret: it is a line of git's credential protocol.
fn check_secret(secret: &Secret) -> Result<()> {
    let text = secret.expose_secret();
    let count = text.chars().count();
    if (1..=MAX_SECRET_CHARS).contains(&count) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let what = format!(
        "the secret of the credential is invalid; expected 1 to {MAX_SECRET_CHARS} characters without line ends and \
         control characters"
    );
    Err(Error::invalid("source-secret", what).help("copy the token from the forge again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_user_name_is_the_one_for_tokens_of_the_host() {
        for (address, username) in [
            ("https://github.com/ada/secret", "x-access-token"),
            ("https://GitHub.com/ada", "x-access-token"),
            ("https://gitlab.com/ada", "oauth2"),
            ("https://github.com.evil.example/ada", "oauth2"),
        ] {
            assert_eq!(choose_username(&address.parse().unwrap()), username, "{address}");
        }
    }

    #[test]
    fn texts_that_break_a_line_of_the_protocol_are_refused() {
        for username in ["", "a:b", "a\nb", "a\0", &"x".repeat(101)] {
            assert_eq!(check_username(username).err().unwrap().code(), "source-username");
        }
        for secret in ["", "a\nhost=evil.example", "a\r", &"x".repeat(501)] {
            let error = check_secret(&Secret::new(secret)).err().unwrap();
            assert_eq!(error.code(), "source-secret");
            assert!(error.public_messages().all(|message| !message.contains("evil")));
        }
        assert!(check_username("gitlab+deploy-token-7").is_ok());
        assert!(check_secret(&Secret::new("pässwörd with spaces")).is_ok());
    }
}
