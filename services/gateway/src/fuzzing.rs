//! Entry points for the fuzz targets of `dev/fuzz`: request paths, with routes of both existing shapes.

use std::sync::LazyLock;

use axum::http::Method;
use hearth_base::Role;
use hearth_kit::config::DoorSettings;

use crate::routes::RouteTable;

const BUILDS_DOCUMENT: &str = r#"{"x-hearth-prefixes": {"builds": {}}, "paths": {"/builds/v1/tool/{tool}/sources":
    {"post": {"x-hearth-body-limit": 5000, "x-hearth-tool": {"parameter": "tool"}}}}}"#;
const IMAGES_DOCUMENT: &str = r#"{"x-hearth-prefixes": {"v2": {}}, "paths": {"/v2/{space}/{name}/blobs/uploads":
    {"post": {"x-hearth-body-limit": 5000, "x-hearth-tool": {"parameter": "space", "prefix": "tool-"}}}}}"#;

static ROUTE_TABLE: LazyLock<RouteTable> = LazyLock::new(|| {
    let mut table = RouteTable::default();
    for (service, document) in [(Role::Builds, BUILDS_DOCUMENT), (Role::Images, IMAGES_DOCUMENT)] {
        table.add_document(service, serde_json::from_str(document).unwrap_or_default());
    }
    table
});

/// Returns the service for an upload to a path, and the tool in the path.
pub fn find_target(path: &str) -> Option<(Role, Option<String>)> {
    ROUTE_TABLE
        .find_route(&Method::POST, path, &DoorSettings::default())
        .map(|route| (route.service, route.tool))
}
