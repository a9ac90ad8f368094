//! Entries for the fuzz targets of `dev/fuzz`: the paths that are asked for, with routes of the two shapes that there are.

use std::sync::LazyLock;

use axum::http::Method;
use hearth_base::Role;
use hearth_kit::config::Door;

use crate::routes::Table;

const BUILDS: &str = r#"{"x-hearth-prefixes": {"builds": {}}, "paths": {"/builds/v1/tool/{tool}/sources":
    {"post": {"x-hearth-body-limit": 5000, "x-hearth-tool": {"parameter": "tool"}}}}}"#;
const IMAGES: &str = r#"{"x-hearth-prefixes": {"v2": {}}, "paths": {"/v2/{space}/{name}/blobs/uploads":
    {"post": {"x-hearth-body-limit": 5000, "x-hearth-tool": {"parameter": "space", "prefix": "tool-"}}}}}"#;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for (service, document) in [(Role::Builds, BUILDS), (Role::Images, IMAGES)] {
        table.add(service, serde_json::from_str(document).unwrap_or_default());
    }
    table
});

/// The service that answers an upload to a path, and the tool that the path names.
pub fn find_target(path: &str) -> Option<(Role, Option<String>)> {
    TABLE.find(&Method::POST, path, &Door::default()).map(|route| (route.service, route.tool))
}
