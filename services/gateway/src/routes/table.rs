//! Table of routes of the services whose documents are loaded.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::http::Method;
use hearth_base::{Role, ToolName};
use hearth_kit::{
    config::DoorSettings,
    route::{AnsweredBy, RouteAttributes, RoutePrefix, RoutePrefixes, ToolParameter},
};
use matchit::{Match, Router};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// Part of a service's document that the gateway reads.
#[derive(Debug, Default, Deserialize)]
pub struct ServiceDocument {
    #[serde(rename = "x-hearth-prefixes", default)]
    prefixes: RoutePrefixes,
    #[serde(default)]
    paths: BTreeMap<String, PathDocument>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PathDocument {
    get: Option<RouteAttributes>,
    put: Option<RouteAttributes>,
    post: Option<RouteAttributes>,
    delete: Option<RouteAttributes>,
    patch: Option<RouteAttributes>,
}

/// Routes of one service.
struct ServiceRoutes {
    service: Role,
    paths: Router<PathRoutes>,
}

/// Routes of one path.
struct PathRoutes {
    tool: Option<ToolParameter>,
    methods: Vec<(Method, RouteAttributes)>,
}

/// Routes by the first segment of the path.
#[derive(Clone, Default)]
pub struct RouteTable {
    segments: BTreeMap<String, (Arc<ServiceRoutes>, Arc<RoutePrefix>)>,
}

/// Target service and limits of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedRoute {
    /// Target service.
    pub service: Role,
    /// Name of the tool in the path; empty when it is not a valid name.
    pub tool: Option<String>,
    /// Maximum size of the body, in bytes.
    pub body_limit: usize,
    /// True when progress of the body restarts the time limit.
    pub streaming: bool,
    /// Time limit for the start of the response.
    pub time_limit: Duration,
    /// Part of the gateway that responds in place of the service.
    pub answered_by: Option<AnsweredBy>,
    /// Query parameter that may contain a deploy token.
    pub deploy_token_parameter: Option<String>,
    /// Attributes of all paths below the first segment.
    pub prefix: Arc<RoutePrefix>,
}

impl RouteTable {
    /// Adds the routes of `service`, replacing former ones. A segment of another service stays with that
    /// service.
    pub fn add_document(&mut self, service: Role, document: ServiceDocument) {
        let ServiceDocument { prefixes: RoutePrefixes(prefixes), paths } = document;
        let mut router = Router::new();
        for (template, path) in paths {
            let (template, routes) = (template.clone(), PathRoutes::from_document(path));
            if let Err(cause) = router.insert(&template, routes) {
                tracing::warn!(service = service.name(), template, %cause, "path template ignored");
            }
        }
        let routes = Arc::new(ServiceRoutes { service, paths: router });
        self.remove(service);
        for (segment, prefix) in prefixes {
            let free = !self.segments.contains_key(&segment);
            let others = segment.parse::<Role>().is_ok_and(|named| named != service);
            if free && !others {
                self.segments.insert(segment, (routes.clone(), Arc::new(prefix)));
            } else {
                tracing::warn!(service = service.name(), segment, "path prefix of another service ignored");
            }
        }
    }

    /// True when the routes of `service` are loaded.
    pub fn has_service(&self, service: Role) -> bool {
        self.segments.values().any(|(routes, _)| routes.service == service)
    }

    /// Removes the routes of `service`.
    pub fn remove(&mut self, service: Role) {
        self.segments.retain(|_, (routes, _)| routes.service != service);
    }

    /// True when a loaded service owns paths below this first segment.
    pub fn has_segment(&self, segment: &str) -> bool {
        self.segments.contains_key(segment)
    }

    /// Finds the route of a request; `None` when no loaded service has the path.
    pub fn find_route(&self, method: &Method, path: &str, door: &DoorSettings) -> Option<MatchedRoute> {
        let segment = first_segment(path)?;
        let (routes, prefix) = self.segments.get(segment)?;
        // An empty parameter does not match.
        let named =
            |matched: &Match<'_, '_, &PathRoutes>| matched.params.iter().all(|(_, value)| !value.is_empty());
        let matched = routes.paths.at(path).ok().filter(named);
        let tool = matched.as_ref().and_then(|matched| {
            let ToolParameter { parameter, prefix } = matched.value.tool.as_ref()?;
            let text = percent_decode_str(matched.params.get(parameter)?).decode_utf8_lossy();
            text.strip_prefix(prefix.as_str()).map(normalize_tool_name)
        });
        let attributes = matched.and_then(|matched| matched.value.find_attributes(method));
        let default = RouteAttributes::default();
        let RouteAttributes {
            body_limit,
            streaming,
            time_limit,
            tool: _,
            answered_by,
            deploy_token_parameter,
        } = attributes.unwrap_or(&default);
        Some(MatchedRoute {
            service: routes.service,
            tool,
            body_limit: body_limit
                .map_or(door.body_limit, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            streaming: *streaming,
            time_limit: Duration::from_secs(time_limit.unwrap_or(door.timeout)),
            answered_by: *answered_by,
            deploy_token_parameter: deploy_token_parameter.clone(),
            prefix: prefix.clone(),
        })
    }
}

impl PathRoutes {
    fn from_document(path: PathDocument) -> Self {
        let PathDocument { get, put, post, delete, patch } = path;
        let methods: Vec<_> = [
            (Method::GET, get),
            (Method::PUT, put),
            (Method::POST, post),
            (Method::DELETE, delete),
            (Method::PATCH, patch),
        ]
        .into_iter()
        .filter_map(|(method, attributes)| Some((method, attributes?)))
        .collect();
        // The tool parameter applies to every method, also to an unsupported one, whose guard needs the tool
        // too.
        let tool = methods.iter().find_map(|(_, attributes)| attributes.tool.clone());
        Self { tool, methods }
    }

    fn find_attributes(&self, method: &Method) -> Option<&RouteAttributes> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.iter().find(|(known, _)| known == method).map(|(_, attributes)| attributes)
    }
}

/// Returns the first segment of a path.
pub fn first_segment(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split('/').next().filter(|segment| !segment.is_empty())
}

/// Normalizes the name of a tool; every invalid name becomes the empty one.
fn normalize_tool_name(text: &str) -> String {
    text.parse::<ToolName>().map(|name| name.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hearth_kit::Dialect;
    use serde_json::{Value, json};

    use super::*;

    fn build_table() -> RouteTable {
        let limit = |bytes: u64| json!({"x-hearth-body-limit": bytes, "x-hearth-streaming": true});
        let of_tool = || json!({"x-hearth-tool": {"parameter": "tool"}});
        let upload = json!({
            "x-hearth-tool": {"parameter": "tool"}, "x-hearth-body-limit": 5000, "x-hearth-streaming": true,
        });
        let blob = json!({
            "x-hearth-tool": {"parameter": "space", "prefix": "tool-"}, "x-hearth-body-limit": 9000,
            "x-hearth-streaming": true,
        });
        let builds = json!({
            "x-hearth-prefixes": {"builds": {}},
            "paths": {
                "/builds/v1/tool/{tool}/sources": {"post": upload, "put": upload},
                "/builds/v1/tool/{tool}/builds": {"get": of_tool(), "parameters": []},
                "/builds/v1/slow": {"get": {"x-hearth-time-limit": 7}},
            },
        });
        let images = json!({
            "x-hearth-prefixes": {"images": {}, "v2": {"dialect": "registry", "token_flow": "/v2/token"}, "builds": {}},
            "paths": {
                "/v2": {"get": {}},
                "/v2/token": {"get": {"x-hearth-answered-by": "token-exchange"}},
                "/v2/hearth/{name}/blobs/uploads": {"post": limit(9000)},
                "/v2/{space}/{name}/blobs/uploads": {"post": blob},
                "/v2/{space}/{name}/blobs/{digest}": {"get": {"x-hearth-tool": {"parameter": "space", "prefix": "tool-"}}},
            },
        });
        let mut table = RouteTable::default();
        for (service, document) in [(Role::Builds, builds), (Role::Images, images)] {
            let read = |document: Value| serde_json::from_value(document).unwrap();
            table.add_document(service, read(document));
        }
        table
    }

    fn find_test_route(method: &Method, path: &str) -> Option<MatchedRoute> {
        build_table().find_route(method, path, &DoorSettings::default())
    }

    fn find_post_route(path: &str) -> MatchedRoute {
        find_test_route(&Method::POST, path).unwrap()
    }

    fn find_tool(path: &str) -> Option<String> {
        find_test_route(&Method::GET, path).unwrap().tool
    }

    #[test]
    fn route_has_its_own_limits_or_the_defaults() {
        let upload = find_post_route("/builds/v1/tool/hello/sources");
        assert_eq!((upload.service, upload.body_limit, upload.streaming), (Role::Builds, 5000, true));
        assert_eq!(upload.tool.as_deref(), Some("hello"));
        let door = DoorSettings::default();
        for (method, path) in [
            (Method::GET, "/builds/v1/tool/hello/builds"),
            (Method::DELETE, "/builds/v1/tool/hello/sources"),
            (Method::POST, "/builds/v1/nothing"),
            (Method::POST, "/builds"),
        ] {
            let route = find_test_route(&method, path).unwrap();
            assert_eq!((route.body_limit, route.streaming), (door.body_limit, false), "{path}");
            assert_eq!(route.time_limit, Duration::from_secs(door.timeout));
        }
        assert_eq!(
            find_test_route(&Method::HEAD, "/builds/v1/slow").unwrap().time_limit,
            Duration::from_secs(7)
        );
    }

    #[test]
    fn hostile_paths_do_not_get_the_limit_of_another_route() {
        let door = DoorSettings::default();
        for path in [
            "/builds/v1/tool/hello/sources/",
            "/builds/v1/tool/hello//sources",
            "/builds/v1/tool//sources",
            "/builds//v1/tool/hello/sources",
            "/builds/v1/tool/hello/Sources",
            "/builds/v1/tool/hello/%73ources",
            "/builds/v1/tool/a/b/sources",
            "/builds/v1/tool/hello/sources/x",
            "/builds/v1/tool/hello/sources;x",
            "/builds/v1/tool/../tool/hello/sources",
            "/builds/v1/tool/hello/builds",
            "/v2/tool-hello/web/blobs/uploads/",
            "/v2/tool-hello//blobs/uploads",
            "/v2/tool-hello/a/b/blobs/uploads",
            "/v2//web/blobs/uploads",
        ] {
            assert_eq!(find_post_route(path).body_limit, door.body_limit, "{path}");
        }
        // The encoded text stays one segment, for the service too, and is not a valid name of a tool.
        for path in
            ["/builds/v1/tool/a%2Fb/sources", "/builds/v1/tool/%2e%2e/sources", "/builds/v1/tool/../sources"]
        {
            assert_eq!(
                (find_post_route(path).body_limit, find_post_route(path).tool.as_deref()),
                (5000, Some("")),
                "{path}"
            );
        }
        for path in
            ["/%62uilds/v1/tool/hello/sources", "//builds/v1/tool/hello/sources", "/Builds/v1/slow", "", "/"]
        {
            assert_eq!(find_test_route(&Method::POST, path), None, "{path}");
        }
    }

    #[test]
    fn tool_is_read_from_the_parameter_of_the_route() {
        assert_eq!(find_tool("/builds/v1/tool/%68ello/builds").as_deref(), Some("hello"));
        assert_eq!(find_tool("/builds/v1/tool/%FF/builds").as_deref(), Some(""));
        assert_eq!(find_tool("/builds/v1/slow"), None);
        assert_eq!(find_tool("/v2/tool-hello/web/blobs/x").as_deref(), Some("hello"));
        assert_eq!(find_tool("/v2/tool%2Dhello/web/blobs/x").as_deref(), Some("hello"));
        assert_eq!(find_tool("/v2/tool-/web/blobs/x").as_deref(), Some(""));
        assert_eq!(find_tool("/v2/hearth/web/blobs/uploads"), None);
        assert_eq!(find_tool("/v2"), None);
        // An unsupported method is rejected by the same guard, which needs the tool.
        assert_eq!(
            find_test_route(&Method::OPTIONS, "/builds/v1/tool/hello/builds").unwrap().tool.as_deref(),
            Some("hello")
        );
    }

    #[test]
    fn path_prefix_belongs_to_one_service() {
        assert_eq!(find_post_route("/builds/v1/slow").service, Role::Builds);
        let token = find_test_route(&Method::GET, "/v2/token").unwrap();
        assert_eq!((token.service, token.answered_by), (Role::Images, Some(AnsweredBy::TokenExchange)));
        assert_eq!(token.prefix.dialect, Some(Dialect::Registry));
        assert_eq!(token.prefix.token_flow.as_deref(), Some("/v2/token"));
    }

    #[test]
    fn reloaded_document_replaces_the_routes_of_a_service() {
        let mut table = build_table();
        let document = json!({"x-hearth-prefixes": {"builds": {}}, "paths": {
            "/builds/v1/tool/{tool}/sources": {"post": {"x-hearth-body-limit": 6000}},
        }});
        table.add_document(Role::Builds, serde_json::from_value(document).unwrap());
        let door = DoorSettings::default();
        let route = table.find_route(&Method::POST, "/builds/v1/tool/hello/sources", &door).unwrap();
        assert_eq!((route.body_limit, route.streaming, route.tool), (6000, false, None));
        assert_eq!(
            table.find_route(&Method::GET, "/builds/v1/slow", &door).unwrap().time_limit.as_secs(),
            door.timeout
        );
        assert!(table.find_route(&Method::GET, "/v2", &door).is_some());
    }
}
