//! Map of routes: host name label to route, in memory and on disk.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use hearth_base::{EnvironmentName, Error, Result, ToolId};
use hearth_kit::state::write_private_file;
use hearth_wire::jobs::internal::Route;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Version of the file format. A file of another version is ignored, and the map is rebuilt.
const FILE_VERSION: u32 = 1;

/// Map of routes by host name label: `TOOL`, or `TOOL--ENVIRONMENT`.
pub struct RouteMap {
    folder: PathBuf,
    index: RwLock<RouteIndex>,
    changes: watch::Sender<()>,
}

/// A page: of a tool, or of one of its environments.
pub type PageKey = (ToolId, Option<EnvironmentName>);

/// Returns the page of a route.
pub fn page_key(route: &Route) -> PageKey {
    (route.tool, route.environment.clone())
}

#[derive(Default)]
struct RouteIndex {
    /// Pages of tools and of environments apart: release 0.1.0 allowed two hyphens in names of tools, and the page of
    /// such a tool never becomes that of another tool's environment.
    tools: BTreeMap<String, Arc<Route>>,
    environments: BTreeMap<String, Arc<Route>>,
    labels: BTreeMap<PageKey, String>,
    /// True after the first load: before that, an unknown label is not an error.
    is_loaded: bool,
}

/// Result of a lookup by label.
pub enum RouteLookup {
    /// The route of the page.
    Route(Arc<Route>),
    /// Nothing of this label has a page.
    NotFound,
    /// The map has not been loaded yet.
    NotLoaded,
}

#[derive(Serialize, Deserialize)]
struct SavedRoutes {
    version: u32,
    /// Routes of tools. Release 0.1.0 reads only these.
    routes: Vec<Route>,
    #[serde(default)]
    environments: Vec<Route>,
}

impl RouteMap {
    /// Creates an empty map with its file in this folder.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, index: RwLock::default(), changes: watch::Sender::new(()) }
    }

    /// Looks up the route of a page by its label.
    pub fn find_route(&self, label: &str) -> RouteLookup {
        let known = self.index.read().unwrap_or_else(PoisonError::into_inner);
        match known.tools.get(label).or_else(|| known.environments.get(label)) {
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
                FILE_VERSION => Ok(saved.routes.into_iter().chain(saved.environments).collect()),
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
        self.changes.send_replace(());
    }

    /// Watches changes of any route.
    pub fn watch_changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// True if a page sleeps without visits.
    pub fn has_sleeping_pages(&self) -> bool {
        let known = self.index.read().unwrap_or_else(PoisonError::into_inner);
        known.tools.values().chain(known.environments.values()).any(|route| route.sleep.is_some())
    }

    /// Sets the route of a page.
    pub fn set_route(&self, route: Route) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).set_route(route);
        self.changes.send_replace(());
    }

    /// Removes the route of a page.
    pub fn remove_route(&self, page: &PageKey) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).remove_route(page);
        self.changes.send_replace(());
    }

    /// Saves the map atomically.
    pub fn save_to_disk(&self) -> Result<()> {
        let saved = {
            let known = self.index.read().unwrap_or_else(PoisonError::into_inner);
            let copy = |routes: &BTreeMap<String, Arc<Route>>| {
                routes.values().map(|route| Route::clone(route)).collect()
            };
            SavedRoutes {
                version: FILE_VERSION,
                routes: copy(&known.tools),
                environments: copy(&known.environments),
            }
        };
        let text = serde_json::to_string(&saved).map_err(Error::internal)?;
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
        let page = page_key(&route);
        self.remove_route(&page);
        let label = route.build_label();
        // A name that another tool had before now belongs to this tool.
        if let Some(before) = self.select_routes(&page).insert(label.clone(), Arc::new(route)) {
            self.labels.remove(&page_key(&before));
        }
        self.labels.insert(page, label);
    }

    fn remove_route(&mut self, page: &PageKey) {
        if let Some(label) = self.labels.remove(page) {
            self.select_routes(page).remove(&label);
        }
    }

    fn select_routes(&mut self, page: &PageKey) -> &mut BTreeMap<String, Arc<Route>> {
        if page.1.is_some() { &mut self.environments } else { &mut self.tools }
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
            environment: None,
            job: "web".parse()?,
            state: RouteState::Ready,
            targets: vec![([10, 0, 0, 1], port).into()],
            sleep: None,
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
    fn page_of_an_environment_never_takes_the_place_of_a_tools_page() -> Result<()> {
        let map = RouteMap::in_folder(PathBuf::new());
        let tool = build_route("hello", 1)?;
        let staging = Some("staging".parse::<EnvironmentName>()?);
        let target = |port: u16| vec![([10, 0, 0, 1], port).into()];
        let of_staging = Route { environment: staging.clone(), targets: target(2), ..tool.clone() };
        map.set_route(tool.clone());
        map.set_route(of_staging.clone());
        assert_eq!((find_port(&map, "hello"), find_port(&map, "hello--staging")), (Some(1), Some(2)));
        // A tool of release 0.1.0.
        map.set_route(build_route("hello--staging", 3)?);
        map.set_route(of_staging);
        assert_eq!(find_port(&map, "hello--staging"), Some(3));
        map.remove_route(&(tool.tool, staging));
        assert_eq!((find_port(&map, "hello"), find_port(&map, "hello--staging")), (Some(1), Some(3)));
        Ok(())
    }

    #[test]
    fn saved_map_is_readable_for_release_0_1_0_without_environments() -> Result<()> {
        #[derive(Deserialize)]
        struct EarlierFile {
            version: u32,
            routes: Vec<EarlierRoute>,
        }
        #[derive(Deserialize)]
        struct EarlierRoute {
            name: String,
        }
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let map = RouteMap::in_folder(folder.path().join("edge"));
        let tool = build_route("hello", 1)?;
        map.replace_routes(vec![Route { environment: Some("staging".parse()?), ..tool.clone() }, tool]);
        map.save_to_disk()?;
        let text = fs::read_to_string(map.file_path()).map_err(Error::internal)?;
        let earlier: EarlierFile = serde_json::from_str(&text).map_err(Error::internal)?;
        let names: Vec<_> = earlier.routes.iter().map(|route| route.name.as_str()).collect();
        assert_eq!((earlier.version, names), (1, vec!["hello"]));
        let again = RouteMap::in_folder(folder.path().join("edge"));
        again.load_from_disk();
        assert_eq!(find_port(&again, "hello--staging"), Some(1));
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
        map.remove_route(&(first.tool, None));
        assert_eq!(find_port(&map, "renamed"), Some(2));
        Ok(())
    }
}
