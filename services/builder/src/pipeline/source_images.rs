//! Images that a Containerfile reads: of this Hearth, by any of their names, or of a public registry.

use std::collections::BTreeMap;

use hearth_wire::images::internal::{ImageKind, UsableImages, UsableUpstream};

use super::process::DOOR_AUTHORITY;

/// Start of the paths of images of upstream registries.
const UPSTREAM_FOLDER: &str = "upstream/";

/// Location of an image that a Containerfile names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceImage {
    /// An image of this Hearth.
    Own,
    /// An image of an upstream registry, pulled through this Hearth's.
    Upstream,
    /// An image of another registry, served by this host.
    Foreign {
        /// Host with an optional port.
        host: String,
    },
    /// A name of this Hearth's that no image has.
    Missing,
}

/// Lists the short names of the provided images.
pub fn list_provided_names(usable: &UsableImages) -> Vec<&str> {
    let provided = usable.images.iter().filter(|image| image.kind == ImageKind::Provided);
    provided.map(|image| image.image.as_str()).collect()
}

/// Names of this Hearth's images, for builds.
pub struct ImageNames<'a> {
    pub usable: &'a UsableImages,
    /// Host of this Hearth's registry, with its port, as users see it.
    pub public_host: &'a str,
    /// Host of the registry of public names without a host.
    pub default_registry: Option<&'a str>,
}

impl ImageNames<'_> {
    /// Locates the image that a Containerfile names.
    pub fn locate_image(&self, name: &str) -> SourceImage {
        let path = strip_tag(name);
        let (host, rest) = split_host(path);
        let is_own_host = |host| is_same_host(host, self.public_host) || is_same_host(host, DOOR_AUTHORITY);
        if let Some(host) = host.filter(|host| !is_own_host(host)) {
            return self.locate_foreign(host, rest);
        }
        if let Some((name, _)) = rest.strip_prefix(UPSTREAM_FOLDER).and_then(|rest| rest.split_once('/')) {
            let is_known = self.usable.upstreams.iter().any(|upstream| upstream.name == name);
            return if is_known { SourceImage::Upstream } else { SourceImage::Missing };
        }
        let is_own_path = rest.starts_with("hearth/") || rest.starts_with("tool-") && rest.contains('/');
        match self.has_image(rest) {
            true => SourceImage::Own,
            // Tags of the tool's own images beyond the listed ones may exist.
            false if rest.starts_with("tool-") && is_own_path => SourceImage::Own,
            false if is_own_path || rest != path => SourceImage::Missing,
            false => {
                self.default_registry.map_or(SourceImage::Missing, |host| self.locate_foreign(host, rest))
            }
        }
    }

    fn locate_foreign(&self, host: &str, path: &str) -> SourceImage {
        let name = format!("{host}/{path}");
        let is_below =
            |prefix: &String| name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'));
        match self.usable.upstreams.iter().flat_map(|upstream| &upstream.prefixes).any(is_below) {
            true => SourceImage::Upstream,
            false => SourceImage::Foreign { host: host.to_owned() },
        }
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

    /// Renders the registries' configuration (`containers-registries.conf`): all names of this Hearth's images and of
    /// its upstreams' lead to the gateway, without TLS; names without a host are of the default registry. `named` are
    /// the names that the build uses.
    pub fn render_registries_config(&self, named: &[String]) -> Vec<u8> {
        let default = self.default_registry.filter(|host| is_plain(host)).map(|host| format!("\"{host}\""));
        let mut text = format!(
            "unqualified-search-registries = [{}]\nshort-name-mode = \"permissive\"\n",
            default.unwrap_or_default()
        );
        let (door_host, _) = DOOR_AUTHORITY.split_once(':').unwrap_or((DOOR_AUTHORITY, ""));
        for prefix in [DOOR_AUTHORITY, door_host, self.public_host] {
            if is_plain(prefix) && !prefix.is_empty() {
                text.push_str(&format!(
                    "\n[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{DOOR_AUTHORITY}\"\ninsecure = true\n"
                ));
            }
        }
        for UsableUpstream { name, prefixes } in &self.usable.upstreams {
            for prefix in prefixes.iter().filter(|prefix| is_plain(prefix) && is_plain(name)) {
                let folder =
                    prefix.split_once('/').map(|(_, folder)| format!("/{folder}")).unwrap_or_default();
                text.push_str(&format!(
                    "\n[[registry]]\nprefix = \"{prefix}\"\nlocation = \
                     \"{DOOR_AUTHORITY}/{UPSTREAM_FOLDER}{name}{folder}\"\ninsecure = true\n"
                ));
            }
        }
        text.push_str("\n[aliases]\n");
        let upstream =
            named.iter().map(|name| strip_tag(name)).filter(|path| path.starts_with(UPSTREAM_FOLDER));
        let upstream = upstream.filter(|path| is_plain(path)).map(|path| (path.to_owned(), path.to_owned()));
        for (name, path) in self.list_aliases().into_iter().chain(upstream.collect::<BTreeMap<_, _>>()) {
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
    use hearth_wire::images::internal::UsableImage;

    use super::*;

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
            upstreams: vec![UsableUpstream {
                name: "hub".to_owned(),
                prefixes: vec!["slow.example".to_owned(), "other.example/team".to_owned()],
            }],
        }
    }

    fn build_names<'a>(usable: &'a UsableImages, default_registry: Option<&'a str>) -> ImageNames<'a> {
        ImageNames { usable, public_host: "localhost:8080", default_registry }
    }

    fn locate(name: &str) -> SourceImage {
        build_names(&build_usable(), Some("public.example")).locate_image(name)
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
            ("alpine", "public.example"),
            ("python:3.12-slim", "public.example"),
            ("library/python", "public.example"),
            ("other.example/a/b:1", "other.example"),
            ("other.example/teams/a", "other.example"),
            ("slow.example:5000/a", "slow.example:5000"),
            ("localhost:5000/a", "localhost:5000"),
        ] {
            assert_eq!(locate(name), SourceImage::Foreign { host: host.to_owned() }, "{name}");
        }
    }

    #[test]
    fn names_of_upstream_images_lead_through_this_hearth() {
        for name in [
            "slow.example/a/b:1",
            "other.example/team/a@sha256:00",
            "upstream/hub/a/b:1",
            "localhost:8080/upstream/hub/a",
        ] {
            assert_eq!(locate(name), SourceImage::Upstream, "{name}");
        }
        assert_eq!(locate("upstream/nosuch/a"), SourceImage::Missing);
        let usable = build_usable();
        let located = build_names(&usable, Some("slow.example")).locate_image("alpine");
        assert_eq!(located, SourceImage::Upstream);
    }

    #[test]
    fn public_name_without_a_host_is_missing_where_no_default_registry_is_set() {
        let usable = build_usable();
        let names = build_names(&usable, None);
        assert_eq!(names.locate_image("alpine"), SourceImage::Missing);
        let config = String::from_utf8(names.render_registries_config(&[])).unwrap();
        assert!(config.starts_with("unqualified-search-registries = []\n"), "{config}");
    }

    #[test]
    fn configuration_names_images_and_upstreams() {
        let usable = build_usable();
        let names = build_names(&usable, Some("public.example"));
        let named = ["upstream/hub/c:1".to_owned(), "upstream/hub/c:2".to_owned(), "alpine".to_owned()];
        let text = String::from_utf8(names.render_registries_config(&named)).unwrap();
        for line in [
            "\"python3.11\" = \"hearth.internal:80/hearth/python3.11\"\n",
            "\"tf-python311\" = \"hearth.internal:80/hearth/python3.11\"\n",
            "\"hearth/python3.11\" = \"hearth.internal:80/hearth/python3.11\"\n",
            "\"tool-x/web\" = \"hearth.internal:80/tool-x/web\"\n",
            "prefix = \"localhost:8080\"\nlocation = \"hearth.internal:80\"\n",
            "unqualified-search-registries = [\"public.example\"]\n",
            "prefix = \"slow.example\"\nlocation = \"hearth.internal:80/upstream/hub\"\ninsecure = true\n",
            "prefix = \"other.example/team\"\nlocation = \"hearth.internal:80/upstream/hub/team\"\ninsecure = true\n",
            "\"upstream/hub/c\" = \"hearth.internal:80/upstream/hub/c\"\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("a\"b"), "{text}");
    }
}
