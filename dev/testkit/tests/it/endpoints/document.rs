//! Reads the endpoints from the merged API document.

use hearth_base::{Entropy, Result, TokenId, ToolId, ToolName, ToolRequestId, UploadId, WebhookId};
use hearth_testkit::Hearth;
use hearth_wire::components::RepositoryLinkId;
use http::Method;
use serde_json::Value;

/// One operation on one path.
pub struct Endpoint {
    /// The operation id.
    pub id: String,
    pub method: Method,
    template: String,
    /// The permission that the document declares (`x-needs`).
    pub needs: String,
    /// True if the gateway finds the name of the tool in the path.
    pub names_tool: bool,
    /// The statuses of declared replies.
    pub declared: Vec<u16>,
}

impl Endpoint {
    /// Fills in the parameters of the path: this tool, an existing user, and ids of missing objects.
    pub fn fill_path(&self, tool: &ToolName) -> String {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let belongs_to_tool = self.template.contains("/tool/{tool}") || self.template.contains("{space}");
        let tool =
            if belongs_to_tool { tool.to_string() } else { ToolId::new(now, &Entropy::System).to_string() };
        self.template
            .replace("{tool}", &tool)
            .replace("{space}", &format!("tool-{tool}"))
            .replace("{upstream}", "nosuch")
            .replace("{*path}", "web/manifests/latest")
            .replace("{name}", "web")
            .replace("{tag}", "latest")
            .replace("{reference}", "latest")
            .replace("{digest}", &format!("sha256:{}", "0".repeat(64)))
            .replace("{upload}", &UploadId::new(now, &Entropy::System).to_string())
            .replace("{holder}", "jobs:set_1")
            .replace("{task}", "nothing")
            .replace("{item}", "nothing")
            .replace("{user}", "bystander")
            .replace("{job}", "nothing")
            .replace("{envvar}", "NOTHING")
            .replace("{package_source}", "nothing")
            .replace("{request}", &ToolRequestId::new(now, &Entropy::System).to_string())
            .replace("{link}", &RepositoryLinkId::new(now, &Entropy::System).to_string())
            .replace("{webhook}", &WebhookId::new(now, &Entropy::System).to_string())
            .replace("{token}", &TokenId::new(now, &Entropy::System).to_string())
    }
}

/// Lists all endpoints. Panics if an endpoint declares no permission.
pub async fn list_endpoints(hearth: &Hearth) -> Result<Vec<Endpoint>> {
    let document: Value = hearth.anonymous()?.build_call(Method::GET, "/openapi.json").fetch_json().await?;
    let mut endpoints = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let needs = operation["x-needs"].as_str();
            let statuses = operation["responses"].as_object().unwrap();
            endpoints.push(Endpoint {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                template: template.clone(),
                needs: needs
                    .unwrap_or_else(|| panic!("{method} {template} declares no permission"))
                    .to_owned(),
                names_tool: !operation["x-hearth-tool"].is_null(),
                declared: statuses.keys().filter_map(|status| status.parse().ok()).collect(),
            });
        }
    }
    Ok(endpoints)
}
