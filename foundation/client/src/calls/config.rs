//! Calls about the configuration of a tool.

use hearth_base::{Error, Result, ToolName};
use hearth_wire::{
    components::{ConfigDocument, ConfigQuery},
    reply::Data,
};
use http::{HeaderMap, Method, header};
use serde_json::Value;

use super::components::ComponentsCalls;

/// Media type of a configuration's text.
const YAML_TYPE: &str = "application/yaml";

/// Text of a configuration, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigText {
    /// The text.
    pub text: String,
    /// Version of the configuration, for [`ComponentsCalls::save_config`].
    pub version: String,
}

impl ComponentsCalls<'_> {
    /// Shows the configuration of a tool, with messages.
    pub async fn show_config(&self, tool: &ToolName) -> Result<Data<ConfigDocument>> {
        self.tool_call(Method::GET, tool).path_suffix("/config").fetch_json().await
    }

    /// Shows the configuration of a tool as it was written.
    pub async fn show_config_text(&self, tool: &ToolName) -> Result<ConfigText> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/config").header(header::ACCEPT, YAML_TYPE);
        let (headers, content) = call.fetch_bytes().await?;
        let text = String::from_utf8(content.into()).map_err(|cause| {
            Error::unavailable("invalid-response", "the configuration is not text in UTF-8").with_cause(cause)
        })?;
        Ok(ConfigText { text, version: read_version(&headers) })
    }

    /// Stores the configuration of a tool as YAML. With `version`, only if the stored one has this version.
    pub async fn save_config(
        &self,
        tool: &ToolName,
        text: &str,
        version: Option<&str>,
    ) -> Result<Data<ConfigDocument>> {
        let call = self.tool_call(Method::POST, tool).path_suffix("/config");
        let call = call.content_bytes(YAML_TYPE, text.to_owned());
        let call = match version {
            Some(version) => call.header(header::IF_MATCH, version),
            None => call,
        };
        call.fetch_json().await
    }

    /// Checks a configuration in YAML by the rules of the server, and stores nothing.
    pub async fn check_config(&self, tool: &ToolName, text: &str) -> Result<Data<ConfigDocument>> {
        let query = ConfigQuery { dry_run: true, ..ConfigQuery::default() };
        let call = self.tool_call(Method::POST, tool).path_suffix("/config").query(&query);
        call.content_bytes(YAML_TYPE, text.to_owned()).fetch_json().await
    }

    /// Deletes the configuration of a tool, and returns it.
    pub async fn delete_config(&self, tool: &ToolName) -> Result<Data<ConfigDocument>> {
        self.tool_call(Method::DELETE, tool).path_suffix("/config").fetch_json().await
    }

    /// Generates a configuration from the jobs of a tool, with messages.
    pub async fn generate_config(&self, tool: &ToolName) -> Result<Data<ConfigDocument>> {
        self.tool_call(Method::GET, tool).path_suffix("/config/generate").fetch_json().await
    }

    /// Shows the JSON Schema of configurations in Hearth's format.
    pub async fn show_config_schema(&self) -> Result<Value> {
        self.0.build_call(Method::GET, "/components/v1/config-schema.json").fetch_json().await
    }
}

fn read_version(headers: &HeaderMap) -> String {
    headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned()
}
