//! Routes of the services whose documents were read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::http::Method;
use hearth_base::{Role, ToolName};
use hearth_kit::{
    config::Door,
    route::{AnsweredBy, Prefix, Prefixes, RouteAttributes, ToolParameter},
};
use matchit::{Match, Router};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// The part of a service's document that the gateway reads.
#[derive(Debug, Default, Deserialize)]
pub struct ServiceDocument {
    #[serde(rename = "x-hearth-prefixes", default)]
    prefixes: Prefixes,
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

/// The routes of one service.
struct ServiceRoutes {
    service: Role,
    paths: Router<PathRoutes>,
}

/// The routes of one path.
struct PathRoutes {
    tool: Option<ToolParameter>,
    methods: Vec<(Method, RouteAttributes)>,
}

/// Routes by first segment of the path.
#[derive(Clone, Default)]
pub struct Table {
    segments: BTreeMap<String, (Arc<ServiceRoutes>, Arc<Prefix>)>,
}

/// The service and the attributes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The service that answers it.
    pub service: Role,
    /// The tool that it is about, as the path has it; empty when that could be no tool's name.
    pub tool: Option<String>,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// The time limit begins anew whenever bytes of the body have moved.
    pub streaming: bool,
    /// Time until an answer has to begin.
    pub time_limit: Duration,
    /// The part that answers in place of the service.
    pub answered_by: Option<AnsweredBy>,
    /// The attributes of all paths below the first segment.
    pub prefix: Arc<Prefix>,
}

impl Table {
    /// Adds the routes of `service`, in place of former ones. A segment that another service has stays that service's.
    pub fn add(&mut self, service: Role, document: ServiceDocument) {
        let ServiceDocument { prefixes: Prefixes(prefixes), paths } = document;
        let mut router = Router::new();
        for (template, path) in paths {
            let (template, routes) = (template.clone(), PathRoutes::of(path));
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

    /// True when the routes of `service` are known.
    pub fn has(&self, service: Role) -> bool {
        self.segments.values().any(|(routes, _)| routes.service == service)
    }

    /// Forgets the routes of `service`.
    pub fn remove(&mut self, service: Role) {
        self.segments.retain(|_, (routes, _)| routes.service != service);
    }

    /// True when a service answers paths below this first segment.
    pub fn answers(&self, segment: &str) -> bool {
        self.segments.contains_key(segment)
    }

    /// The route of a request. `None` when no service that is known here answers the path.
    pub fn find(&self, method: &Method, path: &str, door: &Door) -> Option<Route> {
        let segment = first_segment(path)?;
        let (routes, prefix) = self.segments.get(segment)?;
        // A parameter that is empty names nothing.
        let named =
            |matched: &Match<'_, '_, &PathRoutes>| matched.params.iter().all(|(_, value)| !value.is_empty());
        let matched = routes.paths.at(path).ok().filter(named);
        let tool = matched.as_ref().and_then(|matched| {
            let ToolParameter { parameter, prefix } = matched.value.tool.as_ref()?;
            let text = percent_decode_str(matched.params.get(parameter)?).decode_utf8_lossy();
            text.strip_prefix(prefix.as_str()).map(tool_name)
        });
        let attributes = matched.and_then(|matched| matched.value.attributes(method));
        let default = RouteAttributes::default();
        let RouteAttributes { body_limit, streaming, time_limit, tool: _, answered_by } =
            attributes.unwrap_or(&default);
        Some(Route {
            service: routes.service,
            tool,
            body_limit: body_limit
                .map_or(door.body_limit, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            streaming: *streaming,
            time_limit: Duration::from_secs(time_limit.unwrap_or(door.timeout)),
            answered_by: *answered_by,
            prefix: prefix.clone(),
        })
    }
}

impl PathRoutes {
    fn of(path: PathDocument) -> Self {
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
        // Of every method, also of one that the path does not take: its guard refuses by the same rule.
        let tool = methods.iter().find_map(|(_, attributes)| attributes.tool.clone());
        Self { tool, methods }
    }

    fn attributes(&self, method: &Method) -> Option<&RouteAttributes> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.iter().find(|(known, _)| known == method).map(|(_, attributes)| attributes)
    }
}

/// The first segment of a path.
pub fn first_segment(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split('/').next().filter(|segment| !segment.is_empty())
}

/// A tool's name. Whatever could be none is one and the same to everybody.
fn tool_name(text: &str) -> String {
    text.parse::<ToolName>().map(|name| name.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hearth_kit::Dialect;
    use serde_json::{Value, json};

    use super::*;

    fn table() -> Table {
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
        let mut table = Table::default();
        for (service, document) in [(Role::Builds, builds), (Role::Images, images)] {
            let read = |document: Value| serde_json::from_value(document).unwrap();
            table.add(service, read(document));
        }
        table
    }

    fn find(method: &Method, path: &str) -> Option<Route> {
        table().find(method, path, &Door::default())
    }

    fn post(path: &str) -> Route {
        find(&Method::POST, path).unwrap()
    }

    fn tool(path: &str) -> Option<String> {
        find(&Method::GET, path).unwrap().tool
    }

    #[test]
    fn a_route_has_its_attributes_and_others_the_doors() {
        let upload = post("/builds/v1/tool/hello/sources");
        assert_eq!((upload.service, upload.body_limit, upload.streaming), (Role::Builds, 5000, true));
        assert_eq!(upload.tool.as_deref(), Some("hello"));
        let door = Door::default();
        for (method, path) in [
            (Method::GET, "/builds/v1/tool/hello/builds"),
            (Method::DELETE, "/builds/v1/tool/hello/sources"),
            (Method::POST, "/builds/v1/nothing"),
            (Method::POST, "/builds"),
        ] {
            let route = find(&method, path).unwrap();
            assert_eq!((route.body_limit, route.streaming), (door.body_limit, false), "{path}");
            assert_eq!(route.time_limit, Duration::from_secs(door.timeout));
        }
        assert_eq!(find(&Method::HEAD, "/builds/v1/slow").unwrap().time_limit, Duration::from_secs(7));
    }

    #[test]
    fn hostile_paths_get_no_other_routes_limit() {
        let door = Door::default();
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
            assert_eq!(post(path).body_limit, door.body_limit, "{path}");
        }
        // One segment, whatever it decodes to: the service sees the same one, and no tool is called so.
        for path in
            ["/builds/v1/tool/a%2Fb/sources", "/builds/v1/tool/%2e%2e/sources", "/builds/v1/tool/../sources"]
        {
            assert_eq!((post(path).body_limit, post(path).tool.as_deref()), (5000, Some("")), "{path}");
        }
        for path in
            ["/%62uilds/v1/tool/hello/sources", "//builds/v1/tool/hello/sources", "/Builds/v1/slow", "", "/"]
        {
            assert_eq!(find(&Method::POST, path), None, "{path}");
        }
    }

    #[test]
    fn the_tool_is_where_the_route_says() {
        assert_eq!(tool("/builds/v1/tool/%68ello/builds").as_deref(), Some("hello"));
        assert_eq!(tool("/builds/v1/tool/%FF/builds").as_deref(), Some(""));
        assert_eq!(tool("/builds/v1/slow"), None);
        assert_eq!(tool("/v2/tool-hello/web/blobs/x").as_deref(), Some("hello"));
        assert_eq!(tool("/v2/tool%2Dhello/web/blobs/x").as_deref(), Some("hello"));
        assert_eq!(tool("/v2/tool-/web/blobs/x").as_deref(), Some(""));
        assert_eq!(tool("/v2/hearth/web/blobs/uploads"), None);
        assert_eq!(tool("/v2"), None);
        // A method that the path does not take is refused by the same guard, which needs the tool.
        assert_eq!(
            find(&Method::OPTIONS, "/builds/v1/tool/hello/builds").unwrap().tool.as_deref(),
            Some("hello")
        );
    }

    #[test]
    fn a_prefix_belongs_to_one_service() {
        assert_eq!(post("/builds/v1/slow").service, Role::Builds);
        let token = find(&Method::GET, "/v2/token").unwrap();
        assert_eq!((token.service, token.answered_by), (Role::Images, Some(AnsweredBy::TokenExchange)));
        assert_eq!(token.prefix.dialect, Some(Dialect::Registry));
        assert_eq!(token.prefix.token_flow.as_deref(), Some("/v2/token"));
    }

    #[test]
    fn a_service_that_is_restarted_with_other_routes_has_those() {
        let mut table = table();
        let document = json!({"x-hearth-prefixes": {"builds": {}}, "paths": {
            "/builds/v1/tool/{tool}/sources": {"post": {"x-hearth-body-limit": 6000}},
        }});
        table.add(Role::Builds, serde_json::from_value(document).unwrap());
        let door = Door::default();
        let route = table.find(&Method::POST, "/builds/v1/tool/hello/sources", &door).unwrap();
        assert_eq!((route.body_limit, route.streaming, route.tool), (6000, false, None));
        assert_eq!(
            table.find(&Method::GET, "/builds/v1/slow", &door).unwrap().time_limit.as_secs(),
            door.timeout
        );
        assert!(table.find(&Method::GET, "/v2", &door).is_some());
    }
}
