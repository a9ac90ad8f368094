//! Files of this machine and of Hearth for build sandboxes: certificates, settings of package clients,
//! registry credentials and short names of images.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Access, Result, Role, Scope, Scopes, Secret};
use hearth_wire::{
    accounts::internal::ToolTokenCreate,
    images::internal::{ImageKind, UsableImages},
};
use serde_json::json;

use super::{BuildAttempt, process::DOOR_AUTHORITY};

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

/// Creates a registry token for this tool and access, valid until the build's deadline, at most two hours.
pub async fn create_registry_token(attempt: &BuildAttempt<'_>, access: Access) -> Result<Secret> {
    let remaining_seconds =
        attempt.lease.deadline.duration_since(attempt.cx.clock.now()).as_secs().clamp(60, 7200);
    let create = ToolTokenCreate {
        tool: attempt.lease.tool,
        scopes: Scopes::from_scopes([Scope::Tools(Some(Role::Images), access)]),
        life_seconds: u32::try_from(remaining_seconds).unwrap_or(7200),
        cause: format!("{} {}", attempt.lease.build, access.name()),
    };
    Ok(attempt.cx.create_client(Role::Accounts)?.accounts_internal().create_tool_token(&create).await?.secret)
}

/// Renders the registry credentials for buildah (`containers-auth.json`).
pub fn render_auth_file(token: &Secret) -> Vec<u8> {
    let pair = BASE64_STANDARD.encode(format!("hearth:{}", token.expose_secret()));
    json!({ "auths": { DOOR_AUTHORITY: { "auth": pair } } }).to_string().into_bytes()
}

/// Renders the registries' configuration (`containers-registries.conf`): short names of provided images, and
/// the gateway without TLS. Other names are used as they are.
pub fn render_registries_config(usable: &UsableImages) -> Vec<u8> {
    let mut text = format!(
        "unqualified-search-registries = []\nshort-name-mode = \"disabled\"\n\n[[registry]]\n\
         location = \"{DOOR_AUTHORITY}\"\ninsecure = true\n\n[aliases]\n"
    );
    let provided = usable.images.iter().filter(|image| image.kind == ImageKind::Provided);
    for image in provided {
        let plain =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        let names = std::iter::once(&image.image).chain(&image.aliases);
        for name in names.filter(|name| plain(name) && plain(&image.image)) {
            text.push_str(&format!("\"{name}\" = \"{DOOR_AUTHORITY}/hearth/{}\"\n", image.image));
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::images::internal::UsableImage;

    #[test]
    fn only_provided_images_have_short_names() {
        let image = |image: &str, kind| UsableImage {
            image: image.to_owned(),
            aliases: vec!["tf-python311".to_owned(), "a\"b".to_owned()],
            state: "stable".to_owned(),
            kind,
        };
        let images =
            vec![image("python3.11", ImageKind::Provided), image("tool-x/y:latest", ImageKind::Built)];
        let text = String::from_utf8(render_registries_config(&UsableImages { images })).unwrap();
        assert!(text.contains("\"python3.11\" = \"hearth.internal:80/hearth/python3.11\"\n"), "{text}");
        assert!(text.contains("\"tf-python311\" = \"hearth.internal:80/hearth/python3.11\"\n"), "{text}");
        assert!(!text.contains("tool-x") && !text.contains("a\"b"), "{text}");
    }
}
