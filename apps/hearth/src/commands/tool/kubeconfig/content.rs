//! What stands in a kubeconfig
//! (<https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>), and how two of them differ.

use std::collections::BTreeMap;

use hearth_base::{Error, Result, Secret, ToolName};
use serde::Serialize;
use serde_json::Value;

use crate::settings::Server;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Config {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    current_context: String,
    clusters: [Cluster; 1],
    contexts: [Context; 1],
    users: [User; 1],
}

#[derive(Serialize)]
struct Cluster {
    name: String,
    cluster: ClusterAddress,
}

#[derive(Serialize)]
struct ClusterAddress {
    server: String,
}

#[derive(Serialize)]
struct Context {
    name: String,
    context: ContextParts,
}

#[derive(Serialize)]
struct ContextParts {
    cluster: String,
    namespace: String,
    user: String,
}

#[derive(Serialize)]
struct User {
    name: String,
    user: UserToken,
}

#[derive(Serialize)]
struct UserToken {
    #[serde(serialize_with = "Secret::expose")]
    token: Secret,
}

/// A kubeconfig whose current context is `tool` at `server`.
pub fn text(tool: &ToolName, server: &Server, token: &Secret) -> Result<String> {
    let namespace = format!("tool-{tool}");
    let cluster = "hearth".to_owned();
    let parts =
        ContextParts { cluster: cluster.clone(), namespace: namespace.clone(), user: namespace.clone() };
    let config = Config {
        api_version: "v1",
        kind: "Config",
        current_context: namespace.clone(),
        clusters: [Cluster { name: cluster, cluster: ClusterAddress { server: server.to_string() } }],
        contexts: [Context { name: namespace.clone(), context: parts }],
        users: [User { name: namespace, user: UserToken { token: token.clone() } }],
    };
    serde_saphyr::to_string(&config).map_err(Error::internal)
}

/// The lines that differ between the file's old content and a new one for `tool` at `server`. What belongs to
/// users is named and not shown.
pub fn changes(old: &str, tool: &ToolName, server: &Server) -> Result<Vec<String>> {
    let new = flat(&text(tool, server, &Secret::new("new"))?);
    let Some(new) = new else { return Ok(Vec::new()) };
    let Some(old) = flat(old) else { return Ok(vec!["- everything in it, which is not YAML".to_owned()]) };
    let mut lines = Vec::new();
    for (path, value) in old.iter().filter(|(path, value)| new.get(*path) != Some(value)) {
        lines.push(format!("- {path}: {}", shown(path, value)));
    }
    for (path, value) in new.iter().filter(|(path, value)| old.get(*path) != Some(value)) {
        lines.push(format!("+ {path}: {}", shown(path, value)));
    }
    Ok(lines)
}

fn shown<'a>(path: &str, value: &'a str) -> &'a str {
    if path.starts_with("users.") { "(hidden)" } else { value }
}

/// Every value with the names that lead to it. Items of lists are known by their `name`.
fn flat(text: &str) -> Option<BTreeMap<String, String>> {
    let value: Value = serde_saphyr::from_str(text).ok()?;
    let mut found = BTreeMap::new();
    collect(&value, "", &mut found);
    Some(found)
}

fn collect(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, &below(name), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                collect(item, &below(name.unwrap_or(&at.to_string())), found);
            }
        }
        Value::String(text) => {
            found.insert(path.to_owned(), text.clone());
        }
        other => {
            found.insert(path.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_context_leads_to_the_namespace_and_the_token() -> Result<()> {
        let text = text(&"dup-finder".parse()?, &Server::here(), &Secret::new("t0ken"))?;
        insta::assert_snapshot!(text, @"
        apiVersion: v1
        kind: Config
        current-context: tool-dup-finder
        clusters:
        - name: hearth
          cluster:
            server: http://localhost:8080
        contexts:
        - name: tool-dup-finder
          context:
            cluster: hearth
            namespace: tool-dup-finder
            user: tool-dup-finder
        users:
        - name: tool-dup-finder
          user:
            token: t0ken
        ");
        Ok(())
    }

    #[test]
    fn what_a_new_file_would_change_is_told_without_its_secrets() -> Result<()> {
        let old = text(&"other".parse()?, &Server::here(), &Secret::new("s3cret"))?;
        insta::assert_snapshot!(changes(&old, &"dup-finder".parse()?, &Server::here())?.join("\n"), @"
        - contexts.tool-other.context.cluster: hearth
        - contexts.tool-other.context.namespace: tool-other
        - contexts.tool-other.context.user: tool-other
        - contexts.tool-other.name: tool-other
        - current-context: tool-other
        - users.tool-other.name: (hidden)
        - users.tool-other.user.token: (hidden)
        + contexts.tool-dup-finder.context.cluster: hearth
        + contexts.tool-dup-finder.context.namespace: tool-dup-finder
        + contexts.tool-dup-finder.context.user: tool-dup-finder
        + contexts.tool-dup-finder.name: tool-dup-finder
        + current-context: tool-dup-finder
        + users.tool-dup-finder.name: (hidden)
        + users.tool-dup-finder.user.token: (hidden)
        ");
        Ok(())
    }
}
