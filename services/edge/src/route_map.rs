//! Map of routes: tool name to route, in memory and on disk.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use hearth_base::{Error, Result, ToolId};
use hearth_kit::state::write_private_file;
use hearth_wire::jobs::internal::Route;
use serde::{Deserialize, Serialize};

/// Version of the file format. A file of another version is ignored, and the map is rebuilt.
const FILE_VERSION: u32 = 1;

/// Map of routes by tool name.
pub struct RouteMap {
    folder: PathBuf,
    index: RwLock<RouteIndex>,
}

#[derive(Default)]
struct RouteIndex {
    by_name: BTreeMap<String, Arc<Route>>,
    names: BTreeMap<ToolId, String>,
    /// True after the first load: before that, an unknown name is not an error.
    is_loaded: bool,
}

/// Result of a lookup by name.
pub enum RouteLookup {
    /// The route of the tool.
    Route(Arc<Route>),
    /// No tool of this name has a page.
    NotFound,
    /// The map has not been loaded yet.
    NotLoaded,
}

#[derive(Serialize, Deserialize)]
struct SavedRoutes {
    version: u32,
    routes: Vec<Route>,
}

impl RouteMap {
    /// Creates an empty map with its file in this folder.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, index: RwLock::default() }
    }

    /// Looks up the route of a tool by name.
    pub fn find_route(&self, name: &str) -> RouteLookup {
        let known = self.index.read().unwrap_or_else(PoisonError::into_inner);
        match known.by_name.get(name) {
            Some(route) => RouteLookup::Route(route.clone()),
            None if known.is_loaded => RouteLookup::NotFound,
            None => RouteLookup::NotLoaded,
        }
    }

    /// Loads the saved map. An unreadable file is ignored: the map is rebuilt from `jobs`.
    pub fn load_from_disk(&self) {
        let read = fs::read_to_string(self.file_path())
            .map_err(|cause| cause.to_string())
            .and_then(|text| serde_json::from_str::<SavedRoutes>(&text).map_err(|cause| cause.to_string()))
            .and_then(|saved| match saved.version {
                FILE_VERSION => Ok(saved.routes),
                other => Err(format!("unknown version {other}")),
            });
        match read {
            Ok(routes) => self.replace_routes(routes),
            Err(cause) => tracing::info!(cause, "saved route map not loaded"),
        }
    }

    /// Replaces all routes.
    pub fn replace_routes(&self, routes: Vec<Route>) {
        let mut fresh = RouteIndex { is_loaded: true, ..RouteIndex::default() };
        routes.into_iter().for_each(|route| fresh.set_route(route));
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Sets the route of a tool.
    pub fn set_route(&self, route: Route) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).set_route(route);
    }

    /// Removes the route of a tool.
    pub fn remove(&self, tool: ToolId) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).remove(tool);
    }

    /// Saves the map atomically.
    pub fn save_to_disk(&self) -> Result<()> {
        let routes = {
            let known = self.index.read().unwrap_or_else(PoisonError::into_inner);
            known.by_name.values().map(|route| Route::clone(route)).collect()
        };
        let text =
            serde_json::to_string(&SavedRoutes { version: FILE_VERSION, routes }).map_err(Error::internal)?;
        fs::create_dir_all(&self.folder).map_err(|cause| {
            Error::unavailable("state-folder", "the route map cannot be saved").with_cause(cause)
        })?;
        write_private_file(&self.file_path(), &text)
    }

    fn file_path(&self) -> PathBuf {
        self.folder.join("routes.json")
    }
}

impl RouteIndex {
    fn set_route(&mut self, route: Route) {
        self.remove(route.tool);
        let (tool, name) = (route.tool, route.name.to_string());
        // A name that another tool had before now belongs to this tool.
        if let Some(before) = self.by_name.insert(name.clone(), Arc::new(route)) {
            self.names.remove(&before.tool);
        }
        self.names.insert(tool, name);
    }

    fn remove(&mut self, tool: ToolId) {
        if let Some(name) = self.names.remove(&tool) {
            self.by_name.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::{Clock, Entropy, SystemClock};
    use hearth_wire::jobs::internal::RouteState;

    use super::*;

    fn build_route(name: &str, port: u16) -> Result<Route> {
        Ok(Route {
            tool: ToolId::new(SystemClock.now(), &Entropy::System),
            name: name.parse()?,
            job: "web".parse()?,
            state: RouteState::Ready,
            targets: vec![([10, 0, 0, 1], port).into()],
        })
    }

    fn find_port(map: &RouteMap, name: &str) -> Option<u16> {
        match map.find_route(name) {
            RouteLookup::Route(route) => route.targets.first().map(std::net::SocketAddr::port),
            RouteLookup::NotFound | RouteLookup::NotLoaded => None,
        }
    }

    #[test]
    fn saved_route_map_loads_again() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let map = RouteMap::in_folder(folder.path().join("edge"));
        map.load_from_disk();
        assert!(matches!(map.find_route("hello"), RouteLookup::NotLoaded));
        map.replace_routes(vec![build_route("hello", 1)?, build_route("other", 2)?]);
        map.save_to_disk()?;
        let again = RouteMap::in_folder(folder.path().join("edge"));
        again.load_from_disk();
        assert_eq!((find_port(&again, "hello"), find_port(&again, "other")), (Some(1), Some(2)));
        assert!(matches!(again.find_route("third"), RouteLookup::NotFound));
        Ok(())
    }

    #[test]
    fn route_map_has_one_name_per_tool_and_one_tool_per_name() -> Result<()> {
        let map = RouteMap::in_folder(PathBuf::new());
        let first = build_route("hello", 1)?;
        map.set_route(first.clone());
        map.set_route(Route { name: "renamed".parse()?, ..first.clone() });
        assert_eq!((find_port(&map, "hello"), find_port(&map, "renamed")), (None, Some(1)));
        map.set_route(build_route("renamed", 2)?);
        map.remove(first.tool);
        assert_eq!(find_port(&map, "renamed"), Some(2));
        Ok(())
    }
}
