//! The content of a kubeconfig (<https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>), and the
//! differences between two of them.

use std::collections::BTreeMap;

use hearth_base::{Error, Result, Secret, ToolName};
use serde::Serialize;
use serde_json::Value;

use crate::settings::ServerAddress;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    current_context: String,
    clusters: [NamedCluster; 1],
    contexts: [NamedContext; 1],
    users: [NamedUser; 1],
}

#[derive(Serialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterAddress,
}

#[derive(Serialize)]
struct ClusterAddress {
    server: String,
}

#[derive(Serialize)]
struct NamedContext {
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
struct NamedUser {
    name: String,
    user: UserToken,
}

#[derive(Serialize)]
struct UserToken {
    #[serde(serialize_with = "Secret::serialize_exposed")]
    token: Secret,
}

/// Renders a kubeconfig whose current context is `tool` at `server`.
pub fn render_kubeconfig(tool: &ToolName, server: &ServerAddress, token: &Secret) -> Result<String> {
    let namespace = format!("tool-{tool}");
    let cluster = "hearth".to_owned();
    let parts =
        ContextParts { cluster: cluster.clone(), namespace: namespace.clone(), user: namespace.clone() };
    let config = Kubeconfig {
        api_version: "v1",
        kind: "Config",
        current_context: namespace.clone(),
        clusters: [NamedCluster { name: cluster, cluster: ClusterAddress { server: server.to_string() } }],
        contexts: [NamedContext { name: namespace.clone(), context: parts }],
        users: [NamedUser { name: namespace, user: UserToken { token: token.clone() } }],
    };
    serde_saphyr::to_string(&config).map_err(Error::internal)
}

/// Lists the differences between the old content and a new one for `tool` at `server`. Values below `users`
/// are hidden.
pub fn list_changes(old: &str, tool: &ToolName, server: &ServerAddress) -> Result<Vec<String>> {
    let new = flatten_yaml(&render_kubeconfig(tool, server, &Secret::new("new"))?);
    let Some(new) = new else { return Ok(Vec::new()) };
    let Some(old) = flatten_yaml(old) else {
        return Ok(vec!["- all of its content, which is not YAML".to_owned()]);
    };
    let mut lines = Vec::new();
    for (path, value) in old.iter().filter(|(path, value)| new.get(*path) != Some(value)) {
        lines.push(format!("- {path}: {}", hide_secret(path, value)));
    }
    for (path, value) in new.iter().filter(|(path, value)| old.get(*path) != Some(value)) {
        lines.push(format!("+ {path}: {}", hide_secret(path, value)));
    }
    Ok(lines)
}

fn hide_secret<'a>(path: &str, value: &'a str) -> &'a str {
    if path.starts_with("users.") { "(hidden)" } else { value }
}

/// Flattens YAML to values by path. List items are named by their `name`, or their index.
fn flatten_yaml(text: &str) -> Option<BTreeMap<String, String>> {
    let value: Value = serde_saphyr::from_str(text).ok()?;
    let mut found = BTreeMap::new();
    collect_values(&value, "", &mut found);
    Some(found)
}

fn collect_values(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect_values(value, &below(name), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                collect_values(item, &below(name.unwrap_or(&at.to_string())), found);
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
        let text = render_kubeconfig(
            &"dup-finder".parse()?,
            &ServerAddress::local_default(),
            &Secret::new("t0ken"),
        )?;
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
    fn changes_are_listed_without_secrets() -> Result<()> {
        let old =
            render_kubeconfig(&"other".parse()?, &ServerAddress::local_default(), &Secret::new("s3cret"))?;
        insta::assert_snapshot!(list_changes(&old, &"dup-finder".parse()?, &ServerAddress::local_default())?.join("\n"), @"
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
