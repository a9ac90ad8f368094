//! Files of this machine and of Hearth for build sandboxes: certificates and registry credentials.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Access, ErrorKind, Result, Role, Scope, Scopes, Secret};
use hearth_kit::log_error;
use hearth_wire::{accounts::internal::ToolTokenCreate, builds::internal::RegistryTokenCreate};
use serde_json::json;

use super::BuildAttempt;

/// Largest settings file, in bytes.
const MAX_FILE_BYTES: usize = 4 << 20;

/// Reads the certificates by which this machine verifies servers; empty when it has none.
pub async fn read_ca_bundle(attempt: &BuildAttempt<'_>) -> Vec<u8> {
    read_host_file(&attempt.cx.settings.ca_bundle).await.unwrap_or_default()
}

/// Reads a settings file of this machine; `None` if it does not exist, is too large or cannot be read.
pub async fn read_host_file(path: &Path) -> Option<Vec<u8>> {
    match tokio::fs::read(path).await {
        Ok(bytes) if bytes.len() <= MAX_FILE_BYTES => Some(bytes),
        Ok(_) => {
            tracing::warn!(path = %path.display(), "host file too large for builds; omitted");
            None
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => {
            tracing::warn!(path = %path.display(), %cause, "host file not readable; omitted from builds");
            None
        }
    }
}

/// Longest life of a registry token, in seconds. It is revoked when the build ends.
const MAX_TOKEN_LIFE_SECONDS: i64 = 3600;

/// Creates a registry token for this tool and access, valid until the lease of the build ends or its deadline has
/// passed.
pub async fn create_registry_token(attempt: &BuildAttempt<'_>, access: Access) -> Result<Secret> {
    let lease = attempt.lease;
    let create = RegistryTokenCreate { ticket: lease.ticket.clone(), push: access >= Access::Write };
    match attempt.cx.create_client(Role::Builds)?.builds().create_registry_token(lease.build, &create).await {
        Ok(token) => Ok(token.secret),
        // A service of an earlier release does not create tokens.
        Err(error) if error.kind() == ErrorKind::NotFound => create_own_token(attempt, access).await,
        Err(error) => Err(error),
    }
}

/// Creates a registry token at `accounts`, as release 0.1.0 does: a takeover of the build does not end it.
async fn create_own_token(attempt: &BuildAttempt<'_>, access: Access) -> Result<Secret> {
    let remaining_seconds = attempt
        .lease
        .deadline
        .duration_since(attempt.cx.clock.now())
        .as_secs()
        .clamp(60, MAX_TOKEN_LIFE_SECONDS);
    let create = ToolTokenCreate {
        tool: attempt.lease.tool,
        scopes: Scopes::from_scopes([Scope::Tools(Some(Role::Images), access)]),
        life_seconds: u32::try_from(remaining_seconds).unwrap_or(60),
        cause: format!("{} {}", attempt.lease.build, access.name()),
        build: None,
    };
    let created =
        attempt.cx.create_client(Role::Accounts)?.accounts_internal().create_tool_token(&create).await?;
    attempt.record_token(created.id);
    Ok(created.secret)
}

/// Revokes the registry tokens of the attempt that `accounts` created. A token that cannot be revoked expires by itself.
pub async fn revoke_registry_tokens(attempt: &BuildAttempt<'_>) {
    for token in attempt.take_tokens() {
        let revoked = async {
            let accounts = attempt.cx.create_client(Role::Accounts)?;
            accounts.accounts_internal().revoke_tool_token(token).await
        };
        if let Err(error) = revoked.await {
            log_error!(&error, build = %attempt.lease.build, "registry token of a build not revoked");
        }
    }
}

/// Renders registry credentials for buildah (`containers-auth.json`): each for the door or for a repository of it, of
/// which the longest name that fits counts.
pub fn render_auth_file(tokens: &[(&str, &Secret)]) -> Vec<u8> {
    let entries = tokens.iter().map(|(name, token)| {
        let pair = BASE64_STANDARD.encode(format!("hearth:{}", token.expose_secret()));
        ((*name).to_owned(), json!({ "auth": pair }))
    });
    json!({ "auths": entries.collect::<serde_json::Map<_, _>>() }).to_string().into_bytes()
}
