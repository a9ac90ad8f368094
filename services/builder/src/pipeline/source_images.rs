//! Images that a Containerfile reads: of this Hearth, by any of their names, or of a public registry.

use std::collections::BTreeMap;

use hearth_wire::images::internal::{ImageKind, UsableImages};

use super::process::DOOR_AUTHORITY;

/// Registry of names without a host.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Host that serves the default registry.
const DEFAULT_REGISTRY_HOST: &str = "registry-1.docker.io";

/// Location of an image that a Containerfile names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceImage {
    /// An image of this Hearth.
    Own,
    /// An image of another registry, served by this host.
    Foreign {
        /// Host with an optional port.
        host: String,
    },
    /// A name of this Hearth's that no image has.
    Missing,
}

/// Names of this Hearth's images, for builds.
pub struct ImageNames<'a> {
    pub usable: &'a UsableImages,
    /// Host of this Hearth's registry, with its port, as users see it.
    pub public_host: &'a str,
    /// Registries by their mirrors.
    pub mirrors: &'a BTreeMap<String, String>,
}

impl ImageNames<'_> {
    /// Locates the image that a Containerfile names.
    pub fn locate_image(&self, name: &str) -> SourceImage {
        let path = strip_tag(name);
        let (host, rest) = split_host(path);
        let is_own_host = |host| is_same_host(host, self.public_host) || is_same_host(host, DOOR_AUTHORITY);
        if let Some(host) = host.filter(|host| !is_own_host(host)) {
            return self.build_foreign(host);
        }
        let is_own_path = rest.starts_with("hearth/") || rest.starts_with("tool-") && rest.contains('/');
        match self.has_image(rest) {
            true => SourceImage::Own,
            // Tags of the tool's own images beyond the listed ones may exist.
            false if rest.starts_with("tool-") && is_own_path => SourceImage::Own,
            false if is_own_path || rest != path => SourceImage::Missing,
            false => self.build_foreign(DEFAULT_REGISTRY),
        }
    }

    fn build_foreign(&self, host: &str) -> SourceImage {
        let host = self.mirrors.get(host).map_or(host, |mirror| mirror.split('/').next().unwrap_or(mirror));
        let host = if host == DEFAULT_REGISTRY { DEFAULT_REGISTRY_HOST } else { host };
        SourceImage::Foreign { host: host.to_owned() }
    }

    /// True when an image has this path or short name, or an alias of it.
    fn has_image(&self, path: &str) -> bool {
        self.usable.images.iter().any(|image| match image.kind {
            ImageKind::Provided => {
                let short = path.strip_prefix("hearth/").unwrap_or(path);
                image.image == short || image.aliases.iter().any(|alias| alias == short)
            }
            ImageKind::Built => strip_tag(&image.image) == path,
        })
    }

    /// Short names of the provided images, for messages.
    pub fn list_provided(&self) -> String {
        let provided = self.usable.images.iter().filter(|image| image.kind == ImageKind::Provided);
        let names: Vec<&str> = provided.map(|image| image.image.as_str()).collect();
        names.join(", ")
    }

    /// Renders the registries' configuration (`containers-registries.conf`): all names of this Hearth's images lead to
    /// the gateway, without TLS; names without a host are of the default registry; registries have their mirrors.
    pub fn render_registries_config(&self) -> Vec<u8> {
        let mut text = format!(
            "unqualified-search-registries = [\"{DEFAULT_REGISTRY}\"]\nshort-name-mode = \"permissive\"\n"
        );
        let (door_host, _) = DOOR_AUTHORITY.split_once(':').unwrap_or((DOOR_AUTHORITY, ""));
        for prefix in [DOOR_AUTHORITY, door_host, self.public_host] {
            if is_plain(prefix) && !prefix.is_empty() {
                text.push_str(&format!(
                    "\n[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{DOOR_AUTHORITY}\"\ninsecure = true\n"
                ));
            }
        }
        for (registry, mirror) in self.mirrors.iter().filter(|(from, to)| is_plain(from) && is_plain(to)) {
            text.push_str(&format!(
                "\n[[registry]]\nprefix = \"{registry}\"\nlocation = \"{registry}\"\n[[registry.mirror]]\nlocation = \
                 \"{mirror}\"\n"
            ));
        }
        text.push_str("\n[aliases]\n");
        for (name, path) in self.list_aliases() {
            text.push_str(&format!("\"{name}\" = \"{DOOR_AUTHORITY}/{path}\"\n"));
        }
        text.into_bytes()
    }

    /// Names without a host, with the paths of their images.
    fn list_aliases(&self) -> BTreeMap<String, String> {
        let mut aliases = BTreeMap::new();
        for image in &self.usable.images {
            let path = strip_tag(&image.image);
            if !is_plain(path) {
                continue;
            }
            match image.kind {
                ImageKind::Built => drop(aliases.insert(path.to_owned(), path.to_owned())),
                ImageKind::Provided => {
                    let names = std::iter::once(path).chain(image.aliases.iter().map(String::as_str));
                    for name in names.filter(|name| is_plain(name) && !name.contains('/')) {
                        aliases.insert(name.to_owned(), format!("hearth/{path}"));
                        aliases.insert(format!("hearth/{name}"), format!("hearth/{path}"));
                    }
                }
            }
        }
        aliases
    }
}

/// True when a name needs no escape in a TOML string.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/:[]".contains(&byte))
}

/// Removes tag and digest.
fn strip_tag(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    let last = name.rfind('/').map_or(0, |at| at + 1);
    name[last..].find(':').map_or(name, |at| &name[..last + at])
}

/// Splits the host off, by the rule of container tools: the first part is a host if it has a dot or a port, or is
/// `localhost`.
fn split_host(path: &str) -> (Option<&str>, &str) {
    match path.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
        _ => (None, path),
    }
}

/// Compares hosts without regard to case, and to the port unless both have one.
fn is_same_host(one: &str, other: &str) -> bool {
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let port = |host: &str| host.rsplit_once(':').map(|(_, port)| port.to_owned());
    name(one) == name(other) && (port(one).is_none() || port(one) == port(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::images::internal::UsableImage;

    fn build_usable() -> UsableImages {
        let image = |image: &str, aliases: &[&str], kind| UsableImage {
            image: image.to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            state: "stable".to_owned(),
            kind,
        };
        UsableImages {
            images: vec![
                image("python3.11", &["tf-python311", "a\"b"], ImageKind::Provided),
                image("tool-x/web:latest", &[], ImageKind::Built),
            ],
        }
    }

    fn locate(name: &str) -> SourceImage {
        let mirrors = [("quay.io".to_owned(), "mirror.example/quay".to_owned())].into();
        let usable = build_usable();
        ImageNames { usable: &usable, public_host: "localhost:8080", mirrors: &mirrors }.locate_image(name)
    }

    #[test]
    fn every_name_of_an_image_of_this_hearth_is_its_own() {
        for name in [
            "python3.11",
            "python3.11:latest",
            "tf-python311",
            "hearth/python3.11",
            "hearth.internal:80/hearth/python3.11@sha256:00",
            "hearth.internal/hearth/python3.11",
            "localhost:8080/hearth/tf-python311",
            "localhost:8080/tool-x/web:latest",
            "tool-x/web",
            "tool-x/web:v2",
        ] {
            assert_eq!(locate(name), SourceImage::Own, "{name}");
        }
        for name in ["hearth/nosuch", "localhost:8080/hearth/nosuch:1", "localhost:8080/alpine"] {
            assert_eq!(locate(name), SourceImage::Missing, "{name}");
        }
    }

    #[test]
    fn other_names_are_of_their_registries() {
        for (name, host) in [
            ("alpine", "registry-1.docker.io"),
            ("python:3.12-slim", "registry-1.docker.io"),
            ("library/python", "registry-1.docker.io"),
            ("ghcr.io/a/b:1", "ghcr.io"),
            ("quay.io/a/b", "mirror.example"),
            ("localhost:5000/a", "localhost:5000"),
        ] {
            assert_eq!(locate(name), SourceImage::Foreign { host: host.to_owned() }, "{name}");
        }
    }

    #[test]
    fn configuration_names_images_and_mirrors() {
        let usable = build_usable();
        let mirrors =
            [("docker.io".to_owned(), "mirror.example".to_owned()), ("a\"b".to_owned(), "c".to_owned())]
                .into();
        let names = ImageNames { usable: &usable, public_host: "localhost:8080", mirrors: &mirrors };
        let text = String::from_utf8(names.render_registries_config()).unwrap();
        for line in [
            "\"python3.11\" = \"hearth.internal:80/hearth/python3.11\"\n",
            "\"tf-python311\" = \"hearth.internal:80/hearth/python3.11\"\n",
            "\"hearth/python3.11\" = \"hearth.internal:80/hearth/python3.11\"\n",
            "\"tool-x/web\" = \"hearth.internal:80/tool-x/web\"\n",
            "prefix = \"localhost:8080\"\nlocation = \"hearth.internal:80\"\n",
            "prefix = \"docker.io\"\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"mirror.example\"\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("a\"b"), "{text}");
    }
}
