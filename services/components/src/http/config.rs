//! Endpoints of a tool's configuration.

use axum::{
    Json,
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, ErrorKind, Result};
use hearth_kit::{ApiError, ApiResponse, ApiResult, Authed, Query};
use hearth_wire::{
    components::{ConfigDocument, ConfigQuery},
    reply::Data,
};

use crate::{
    app::config::{
        self, CheckedConfig, MAX_CONFIG_BYTES, check_config, check_json_config,
        generate::{GeneratedConfig, generate_config},
        schema::build_config_schema,
        stored::{VersionCondition, delete_config, find_config, save_config},
    },
    context::ComponentsContext,
    rights::{NoSignIn, ToolRead, ToolWrite},
    store::StoredConfig,
};

/// The maximum size of a request: JSON may be longer than the same configuration in YAML.
pub const MAX_CONFIG_REQUEST_BYTES: usize = 2 * MAX_CONFIG_BYTES;
/// The media type of a configuration's text.
const YAML_TYPE: &str = "application/yaml";

/// Show the tool's configuration: as JSON, or with `Accept: application/yaml` as it was written.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/config", tag = "components", operation_id = "components.config",
    params(("tool" = String, Path, description = "name of the tool"), ConfigQuery),
    responses((status = 200, content((Data<ConfigDocument> = "application/json"), (String = "application/yaml")),
            headers(("ETag" = String, description = "version of the configuration, for If-Match"))),
        (status = 404, description = "the tool has no configuration")))]
pub async fn show(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Query(_): Query<ConfigQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let stored = find_config(&cx, tool.id, &tool.name).await?;
    let tag = (header::ETAG, render_tag(&stored)?);
    if accepts_yaml(&headers) {
        let media_type = (header::CONTENT_TYPE, HeaderValue::from_static(YAML_TYPE));
        return Ok(([tag, media_type], stored.text).into_response());
    }
    let shown = render_config(check_config(&stored.text)?);
    Ok(shown.with_header(tag.0, tag.1).into_response())
}

/// Store the tool's configuration, or only check it. YAML is stored as it is written, with its comments.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/config", tag = "components",
    operation_id = "components.config_save",
    params(("tool" = String, Path, description = "name of the tool"), ConfigQuery),
    request_body(content((ConfigDocument = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = Data<ConfigDocument>,
            headers(("ETag" = String, description = "version of the configuration, for If-Match"))),
        (status = 412, description = "If-Match names another version of the configuration"),
        (status = 422, description = "the configuration is invalid; the error has every problem")))]
pub async fn store_config(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Query(query): Query<ConfigQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (checked, text) = read_request(&headers, body).await?;
    if query.dry_run {
        return Ok(render_config(checked).into_response());
    }
    let by = ComponentsContext::describe_caller(&tool);
    let stored = save_config(&cx, tool.id, text, by, read_condition(&headers)).await?;
    let saved = render_config(checked)
        .with_info(format!("Configuration for {} updated successfully.", tool.name))
        .with_header(header::ETAG, render_tag(&stored)?);
    Ok(saved.into_response())
}

/// Delete the tool's configuration, and return it. Running components stay.
#[utoipa::path(delete, path = "/components/v1/tool/{tool}/config", tag = "components",
    operation_id = "components.config_delete",
    params(("tool" = String, Path, description = "name of the tool"), ConfigQuery),
    responses((status = 200, body = Data<ConfigDocument>),
        (status = 404, description = "the tool has no configuration"),
        (status = 412, description = "If-Match names another version of the configuration")))]
pub async fn delete(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Query(_): Query<ConfigQuery>,
    headers: HeaderMap,
) -> ApiResult<ConfigDocument> {
    let deleted = delete_config(&cx, tool.id, &tool.name, read_condition(&headers)).await?;
    let answer = render_config(config::show_former_config(&deleted.text));
    Ok(answer.with_info(format!("Configuration for {} deleted successfully.", tool.name)))
}

/// Generate a configuration from the tool's jobs; a sample for a tool without jobs.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/config/generate", tag = "components",
    operation_id = "components.config_generate",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<ConfigDocument>)))]
pub async fn generate(cx: ComponentsContext, tool: Authed<ToolRead>) -> ApiResult<ConfigDocument> {
    let GeneratedConfig { document, warnings } = generate_config(&cx, &tool, &tool.identity_headers).await?;
    Ok(render_config(CheckedConfig { document, warnings }))
}

/// Show the JSON Schema of configurations in Hearth's format, for editors.
#[utoipa::path(get, path = "/components/v1/config-schema.json", tag = "components",
    operation_id = "components.config_schema",
    responses((status = 200, body = Object, content_type = "application/schema+json")))]
pub async fn show_schema(_: Authed<NoSignIn>) -> Response {
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json"));
    ([media_type], Json(build_config_schema())).into_response()
}

fn render_config(checked: CheckedConfig) -> ApiResponse<ConfigDocument> {
    let answer = ApiResponse::ok(checked.document);
    checked.warnings.into_iter().fold(answer, ApiResponse::with_warning)
}

fn render_tag(stored: &StoredConfig) -> Result<HeaderValue> {
    HeaderValue::from_str(&format!("\"{}\"", stored.version)).map_err(Error::internal)
}

/// True if a client prefers the text: it accepts YAML, and does not name JSON before.
fn accepts_yaml(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut types =
        accepted.split(',').map(|media_type| media_type.split(';').next().unwrap_or_default().trim());
    let known = types.find(|media_type| is_yaml(media_type) || media_type.contains("json"));
    known.is_some_and(is_yaml)
}

fn is_yaml(media_type: &str) -> bool {
    matches!(media_type, "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml")
}

/// Reads the condition in `If-Match` (RFC 9110, section 13.1.1).
fn read_condition(headers: &HeaderMap) -> VersionCondition {
    let Some(value) = headers.get(header::IF_MATCH) else { return VersionCondition::None };
    match value.to_str().unwrap_or_default().trim() {
        "*" => VersionCondition::Exists,
        tag => tag.trim_matches('"').parse().map_or(VersionCondition::Unknown, VersionCondition::Version),
    }
}

/// Reads a configuration from a request: JSON by its media type, otherwise YAML. Returns its text too.
async fn read_request(headers: &HeaderMap, body: Body) -> Result<(CheckedConfig, String)> {
    let bytes = to_bytes(body, MAX_CONFIG_REQUEST_BYTES).await.map_err(|cause| {
        let what = format!("the body is too large or incomplete; at most {MAX_CONFIG_REQUEST_BYTES} bytes");
        Error::new(ErrorKind::TooLarge, "body", what).with_cause(cause)
    })?;
    if bytes.is_empty() {
        return Err(Error::new(ErrorKind::Unprocessable, "body-missing", "the request has no configuration")
            .help("send it as application/yaml or application/json"));
    }
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.contains("json") {
        let document = serde_json::from_slice(&bytes).map_err(|cause| {
            Error::invalid("invalid-json", format!("the body is not valid JSON: {cause}"))
                .help("send YAML with Content-Type: application/yaml, or JSON with application/json")
        })?;
        return check_json_config(document);
    }
    let text = String::from_utf8(bytes.into()).map_err(|_| {
        Error::invalid("invalid-yaml", "the configuration is not text in UTF-8")
            .help("save the file as UTF-8")
    })?;
    check_config(&text).map(|checked| (checked, text))
}
