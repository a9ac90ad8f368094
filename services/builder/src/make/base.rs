//! What builds get of the machine and of this Hearth: certificates, package clients' settings, provided images.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::{Access, Result, Role, Scope, Scopes, Secret};
use hearth_wire::{
    accounts::internal::ToolTokenCreate,
    images::internal::{ImageKind, Usables},
};
use serde_json::json;

use super::{Make, process::DOOR};

/// The most of one file of settings.
const MOST: usize = 4 << 20;

/// The certificates by which this machine checks servers; empty when it has none.
pub async fn ca_bundle(make: &Make<'_>) -> Vec<u8> {
    file(&make.cx.settings.ca_bundle).await.unwrap_or_default()
}

/// A file of the machine's own settings, if there is one.
pub async fn file(path: &Path) -> Option<Vec<u8>> {
    match tokio::fs::read(path).await {
        Ok(bytes) if bytes.len() <= MOST => Some(bytes),
        Ok(_) => {
            tracing::warn!(path = %path.display(), "a file is too long to be given to builds");
            None
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => {
            tracing::warn!(path = %path.display(), %cause, "a file cannot be given to builds");
            None
        }
    }
}

/// A sign-in to the registry that is good for this tool, this much and this build.
pub async fn sign_in(make: &Make<'_>, access: Access) -> Result<Secret> {
    let left = make.lease.deadline.duration_since(make.cx.clock.now()).as_secs().clamp(60, 7200);
    let create = ToolTokenCreate {
        tool: make.lease.tool,
        scopes: Scopes::of([Scope::Tools(Some(Role::Images), access)]),
        life_seconds: u32::try_from(left).unwrap_or(7200),
        cause: format!("{} {}", make.lease.build, access.name()),
    };
    Ok(make.cx.of(Role::Accounts)?.internal().tool_token_create(&create).await?.secret)
}

/// The registry's sign-in as buildah reads it (`containers-auth.json`).
pub fn auth_file(token: &Secret) -> Vec<u8> {
    let pair = BASE64_STANDARD.encode(format!("hearth:{}", token.reveal()));
    json!({ "auths": { DOOR: { "auth": pair } } }).to_string().into_bytes()
}

/// Where images are looked for (`containers-registries.conf`): provided ones by their short names, the door
/// without TLS, everything else as it says itself.
pub fn registries(usable: &Usables) -> Vec<u8> {
    let mut text = format!(
        "unqualified-search-registries = []\nshort-name-mode = \"disabled\"\n\n[[registry]]\n\
         location = \"{DOOR}\"\ninsecure = true\n\n[aliases]\n"
    );
    let provided = usable.images.iter().filter(|image| image.kind == ImageKind::Provided);
    for image in provided {
        let plain =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        let names = std::iter::once(&image.image).chain(&image.aliases);
        for name in names.filter(|name| plain(name) && plain(&image.image)) {
            text.push_str(&format!("\"{name}\" = \"{DOOR}/hearth/{}\"\n", image.image));
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::images::internal::Usable;

    #[test]
    fn only_provided_images_have_short_names() {
        let image = |image: &str, kind| Usable {
            image: image.to_owned(),
            aliases: vec!["tf-python311".to_owned(), "a\"b".to_owned()],
            state: "stable".to_owned(),
            kind,
        };
        let images =
            vec![image("python3.11", ImageKind::Provided), image("tool-x/y:latest", ImageKind::Built)];
        let text = String::from_utf8(registries(&Usables { images })).unwrap();
        assert!(text.contains("\"python3.11\" = \"hearth.internal:80/hearth/python3.11\"\n"), "{text}");
        assert!(text.contains("\"tf-python311\" = \"hearth.internal:80/hearth/python3.11\"\n"), "{text}");
        assert!(!text.contains("tool-x") && !text.contains("a\"b"), "{text}");
    }
}
