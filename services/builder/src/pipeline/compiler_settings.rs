//! Settings of the package clients of Go, Rust, Java, Ruby and PHP for build steps, derived from the machine's own without
//! their credentials, as in [`client_settings`](super::client_settings).

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::client_settings::{CA_BUNDLE_MOUNT, remove_credentials};

/// Variables of the go command that build steps see.
const GO_VARIABLES: [&str; 7] =
    ["GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOTOOLCHAIN"];

/// Settings of cargo that build steps see, by the sections that contain them.
const CARGO_SECTIONS: [(&str, &[&str]); 3] = [
    ("registry", &["default"]),
    ("net", &["retry", "git-fetch-with-cli"]),
    ("http", &["timeout", "low-speed-limit", "multiplexing"]),
];

/// Settings of cargo that build steps see, by the sections that contain one table for each source or registry.
const CARGO_REGISTRY_SECTIONS: [(&str, &[&str]); 2] =
    [("source", &["replace-with", "registry"]), ("registries", &["index", "protocol"])];

/// Elements of a mirror in Maven's settings that build steps see.
const MIRROR_ELEMENTS: [&str; 3] = ["id", "url", "mirrorOf"];

/// Renders the file of the go command's variables (`go help env`: `KEY=VALUE`).
pub fn render_go_env(text: &str) -> String {
    let mut rendered = String::new();
    for (key, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
        if GO_VARIABLES.contains(&key) {
            let words = value.split_inclusive([',', '|']).map(remove_credentials);
            let _ = writeln!(rendered, "{key}={}", words.collect::<String>());
        }
    }
    rendered
}

/// Renders cargo's `config.toml`; empty when it cannot be read.
pub fn render_cargo_config(text: &str) -> String {
    let Ok(config) = text.parse::<Table>() else { return String::new() };
    let mut rendered = Table::new();
    for (section, keys) in CARGO_SECTIONS {
        if let Some(Value::Table(table)) = config.get(section) {
            let mut kept = keep_settings(table, keys);
            if section == "http" && table.contains_key("cainfo") {
                kept.insert("cainfo".to_owned(), CA_BUNDLE_MOUNT.into());
            }
            rendered.insert(section.to_owned(), kept.into());
        }
    }
    for (section, keys) in CARGO_REGISTRY_SECTIONS {
        if let Some(Value::Table(tables)) = config.get(section) {
            let kept = tables.iter().filter_map(|(name, table)| {
                Some((name.clone(), Value::Table(keep_settings(table.as_table()?, keys))))
            });
            rendered.insert(section.to_owned(), Value::Table(kept.collect()));
        }
    }
    rendered.to_string()
}

fn keep_settings(table: &Table, keys: &[&str]) -> Table {
    let kept = table.iter().filter(|(key, _)| keys.contains(&key.as_str()));
    kept.map(|(key, value)| match value {
        Value::String(text) => (key.clone(), remove_credentials(text).into()),
        other => (key.clone(), other.clone()),
    })
    .collect()
}

/// Renders Maven's `settings.xml` with its mirrors.
pub fn render_maven_settings(text: &str) -> String {
    let text = remove_comments(text);
    let mut rendered = "<settings>\n  <mirrors>\n".to_owned();
    for mirror in text.split("<mirror>").skip(1).filter_map(|rest| Some(rest.split_once("</mirror>")?.0)) {
        let elements: Option<String> = MIRROR_ELEMENTS
            .iter()
            .map(|name| {
                let value = find_element(mirror, name).filter(|value| is_plain(value))?;
                Some(format!("      <{name}>{}</{name}>\n", remove_credentials(value)))
            })
            .collect();
        if let Some(elements) = elements {
            let _ = write!(rendered, "    <mirror>\n{elements}    </mirror>\n");
        }
    }
    rendered.push_str("  </mirrors>\n</settings>\n");
    rendered
}

fn remove_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| Some(part.split_once("-->")?.1));
    std::iter::once(first).chain(rest).collect()
}

fn find_element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

/// True for text that stands in XML unchanged.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>&".contains(&byte))
}

/// Renders the configuration of bundler with the first source of a `gemrc`, as the mirror of all gems; `None` without
/// one. Bundler does not read `gemrc`.
pub fn render_bundler_config(gemrc: &str) -> Option<String> {
    let mut lines = gemrc.lines().skip_while(|line| line.trim() != ":sources:").skip(1);
    let source = lines.next()?.trim().strip_prefix("- ")?.trim_matches(['"', '\'']);
    let source = remove_credentials(source);
    let is_address = source.starts_with("https://") || source.starts_with("http://");
    (is_address && is_plain(&source) && !source.contains(['"', '\\']))
        .then(|| format!("---\nBUNDLE_MIRROR__ALL: \"{source}\"\n"))
}

/// Members of a repository in composer's settings that build steps see.
const COMPOSER_REPOSITORY_KEYS: [&str; 5] = ["type", "url", "canonical", "only", "exclude"];
/// Members of composer's `config` that build steps see; `cafile` is replaced.
const COMPOSER_CONFIG_KEYS: [&str; 2] = ["secure-http", "process-timeout"];

/// Renders composer's global `config.json` with its repositories; empty settings when it cannot be read.
pub fn render_composer_config(text: &str) -> String {
    let settings: Json = serde_json::from_str(text).unwrap_or_default();
    let repositories = match settings.get("repositories") {
        Some(Json::Array(list)) => list.iter().filter_map(keep_repository).collect(),
        Some(Json::Object(named)) => named
            .iter()
            .filter_map(|(name, repository)| match repository {
                Json::Bool(false) => Some(json!({ name: false })),
                _ => keep_repository(repository),
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut config = serde_json::Map::new();
    for (key, value) in settings.get("config").and_then(Json::as_object).into_iter().flatten() {
        if COMPOSER_CONFIG_KEYS.contains(&key.as_str()) {
            config.insert(key.clone(), value.clone());
        }
    }
    config.insert("cafile".to_owned(), CA_BUNDLE_MOUNT.into());
    json!({ "repositories": repositories, "config": config }).to_string()
}

/// Keeps a repository of packages, or `{NAME: false}`, which disables one.
fn keep_repository(repository: &Json) -> Option<Json> {
    let members = repository.as_object()?;
    if members.values().all(|value| *value == Json::Bool(false)) {
        return Some(repository.clone());
    }
    if members.get("type").and_then(Json::as_str) != Some("composer") {
        return None;
    }
    let kept = members.iter().filter(|(key, _)| COMPOSER_REPOSITORY_KEYS.contains(&key.as_str()));
    let kept = kept.map(|(key, value)| match value {
        Json::String(text) => (key.clone(), remove_credentials(text).into()),
        other => (key.clone(), other.clone()),
    });
    Some(Json::Object(kept.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_composer_stay_outside_of_builds() {
        let text = r#"{"repositories": [{"type": "composer", "url": "https://ann:secret@packages.example",
            "options": {"http": {"header": ["Authorization: secret"]}}}, {"type": "path", "url": "/secret"},
            {"other.example": false}], "config": {"secure-http": false, "http-basic": {"x": {"password": "secret"}},
            "github-oauth": {"x": "secret"}, "cafile": "/keys/ca.pem"}}"#;
        let render = |text: &str| serde_json::from_str::<Json>(&render_composer_config(text)).unwrap();
        let own = json!({"type": "composer", "url": "https://packages.example"});
        assert_eq!(
            render(text),
            json!({
                "repositories": [own, {"other.example": false}],
                "config": {"secure-http": false, "cafile": CA_BUNDLE_MOUNT},
            })
        );
        let named = r#"{"repositories": {"other.example": false, "own": {"type": "composer", "url": "https://own.example"}}}"#;
        let rendered = render(named)["repositories"].clone();
        let list = rendered.as_array().unwrap();
        assert!(list.len() == 2 && list.contains(&json!({"other.example": false})), "{rendered}");
        assert_eq!(render("{"), json!({"repositories": [], "config": {"cafile": CA_BUNDLE_MOUNT}}));
    }

    #[test]
    fn credentials_of_go_stay_outside_of_builds() {
        let text = "GOPROXY=https://ann:secret@one.example/go,https://two.example|direct\nGOAUTH=netrc secret\n\
                    GONOSUMDB=code.example\nCC=secret\n# secret\n";
        assert_eq!(
            render_go_env(text),
            "GOPROXY=https://one.example/go,https://two.example|direct\nGONOSUMDB=code.example\n"
        );
    }

    #[test]
    fn credentials_of_cargo_stay_outside_of_builds() {
        let text = "[source.main]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = \
                    \"sparse+https://ann:secret@mirror.example/\"\n[registries.own]\nindex = \"sparse+https://own.example/\"\n\
                    token = \"secret\"\n[http]\nproxy = \"http://ann:secret@proxy\"\ncainfo = \"/keys/ca.pem\"\ntimeout = 9\n\
                    [registry]\ntoken = \"secret\"\n[env]\nX = \"secret\"\n[build]\nrustc-wrapper = \"/secret\"\n";
        let rendered = render_cargo_config(text);
        assert!(!rendered.contains("secret") && !rendered.contains("/keys"), "{rendered}");
        let table: Table = rendered.parse().unwrap();
        assert_eq!(table["source"]["mirror"]["registry"].as_str(), Some("sparse+https://mirror.example/"));
        assert_eq!(table["source"]["main"]["replace-with"].as_str(), Some("mirror"));
        assert_eq!(table["http"]["cainfo"].as_str(), Some(CA_BUNDLE_MOUNT));
        assert_eq!(render_cargo_config("[broken"), "");
    }

    #[test]
    fn credentials_of_maven_stay_outside_of_builds() {
        let text = "<settings><servers><server><id>m</id><password>secret</password></server></servers><mirrors>\
                    <!-- <mirror><id>old</id></mirror> --><mirror><id>m</id><url>https://ann:secret@maven.example/all</url>\
                    <mirrorOf>*</mirrorOf></mirror><mirror><id>a b</id></mirror></mirrors><proxies>secret</proxies></settings>";
        assert_eq!(
            render_maven_settings(text),
            "<settings>\n  <mirrors>\n    <mirror>\n      <id>m</id>\n      <url>https://maven.example/all</url>\n      \
             <mirrorOf>*</mirrorOf>\n    </mirror>\n  </mirrors>\n</settings>\n"
        );
    }

    #[test]
    fn bundler_uses_the_source_of_gem() {
        let text = "---\n:backtrace: false\n:sources:\n- https://ann:secret@gems.example/\n- https://other.example\n";
        assert_eq!(
            render_bundler_config(text).as_deref(),
            Some("---\nBUNDLE_MIRROR__ALL: \"https://gems.example/\"\n")
        );
        for text in ["", ":sources:\n", ":sources:\n- \"a\\\"b\"\n", ":sources: []\n"] {
            assert_eq!(render_bundler_config(text), None, "{text}");
        }
    }
}
