//! Which tool's page is answered where: in memory, and as it was last on disk.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use hearth_base::{Error, Result, ToolId};
use hearth_kit::state::write_private;
use hearth_wire::jobs::internal::Route;
use serde::{Deserialize, Serialize};

/// The form of the file. A newer one is not read, and made anew.
const VERSION: u32 = 1;

/// Which tool's page is answered where.
pub struct Map {
    folder: PathBuf,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Route>>,
    names: BTreeMap<ToolId, String>,
    /// Whether anything was ever heard: until then nobody can say that there is no such page.
    told: bool,
}

/// What is known of a name.
pub enum Found {
    /// Its route.
    Route(Arc<Route>),
    /// There is none.
    Nothing,
    /// Nobody has told yet.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    routes: Vec<Route>,
}

impl Map {
    /// The map that is kept in this folder, empty until it is loaded.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, known: RwLock::default() }
    }

    /// The route of the tool of this name.
    pub fn find(&self, name: &str) -> Found {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.by_name.get(name) {
            Some(route) => Found::Route(route.clone()),
            None if known.told => Found::Nothing,
            None => Found::Unknown,
        }
    }

    /// Takes up the map as it was last. One that cannot be read is made anew from `jobs`.
    pub fn load(&self) {
        let read = fs::read_to_string(self.file())
            .map_err(|cause| cause.to_string())
            .and_then(|text| serde_json::from_str::<Saved>(&text).map_err(|cause| cause.to_string()))
            .and_then(|saved| match saved.version {
                VERSION => Ok(saved.routes),
                other => Err(format!("of version {other}")),
            });
        match read {
            Ok(routes) => self.replace(routes),
            Err(cause) => tracing::info!(cause, "there is no earlier map of routes"),
        }
    }

    /// Replaces everything.
    pub fn replace(&self, routes: Vec<Route>) {
        let mut fresh = Known { told: true, ..Known::default() };
        routes.into_iter().for_each(|route| fresh.put(route));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// A tool's route is this from now on.
    pub fn put(&self, route: Route) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).put(route);
    }

    /// A tool has none any more.
    pub fn remove(&self, tool: ToolId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(tool);
    }

    /// Keeps the map as it is now. It appears on disk whole or not at all.
    pub fn save(&self) -> Result<()> {
        let routes = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.by_name.values().map(|route| Route::clone(route)).collect()
        };
        let text = serde_json::to_string(&Saved { version: VERSION, routes }).map_err(Error::internal)?;
        fs::create_dir_all(&self.folder).map_err(|cause| {
            Error::unavailable("state-folder", "the map of routes cannot be kept").because(cause)
        })?;
        write_private(&self.file(), &text)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("routes.json")
    }
}

impl Known {
    fn put(&mut self, route: Route) {
        self.remove(route.tool);
        let (tool, name) = (route.tool, route.name.to_string());
        // A name that has a new tool is the new one's.
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

    fn route(name: &str, port: u16) -> Result<Route> {
        Ok(Route {
            tool: ToolId::new(SystemClock.now(), &Entropy::System),
            name: name.parse()?,
            job: "web".parse()?,
            state: RouteState::Ready,
            targets: vec![([10, 0, 0, 1], port).into()],
        })
    }

    fn port(map: &Map, name: &str) -> Option<u16> {
        match map.find(name) {
            Found::Route(route) => route.targets.first().map(std::net::SocketAddr::port),
            Found::Nothing | Found::Unknown => None,
        }
    }

    #[test]
    fn a_map_reads_back_as_it_was_saved_and_forgets_nothing_else() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let map = Map::at(folder.path().join("edge"));
        map.load();
        assert!(matches!(map.find("hello"), Found::Unknown));
        map.replace(vec![route("hello", 1)?, route("other", 2)?]);
        map.save()?;
        let again = Map::at(folder.path().join("edge"));
        again.load();
        assert_eq!((port(&again, "hello"), port(&again, "other")), (Some(1), Some(2)));
        assert!(matches!(again.find("third"), Found::Nothing));
        Ok(())
    }

    #[test]
    fn a_tool_has_one_name_and_a_name_one_tool() -> Result<()> {
        let map = Map::at(PathBuf::new());
        let first = route("hello", 1)?;
        map.put(first.clone());
        map.put(Route { name: "renamed".parse()?, ..first.clone() });
        assert_eq!((port(&map, "hello"), port(&map, "renamed")), (None, Some(1)));
        map.put(route("renamed", 2)?);
        map.remove(first.tool);
        assert_eq!(port(&map, "renamed"), Some(2));
        Ok(())
    }
}
