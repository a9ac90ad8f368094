//! Consumer of `jobs`' route events. While the events cannot be read, the map stays as it is.

use std::sync::Arc;

use hearth_base::{ErrorKind, Result, Role};
use hearth_kit::{
    Worker,
    events::{EventConsumer, ViewHandler},
    log_error,
};
use hearth_wire::{
    events::{Event, Topic},
    jobs::internal::{RouteEvent, RoutesQuery},
};

use crate::Edge;

/// Creates the worker that maintains the map of routes.
pub fn create_worker(edge: &Arc<Edge>) -> Worker {
    EventConsumer::new(&edge.kit, "routes", RouteEvent::TOPIC_INFO)
        .into_view_worker(RouteMapHandler(edge.clone()))
}

struct RouteMapHandler(Arc<Edge>);

impl ViewHandler for RouteMapHandler {
    async fn rebuild_view(&self) -> Result<()> {
        let jobs = self.0.kit.clients.create_client(Role::Jobs)?;
        let (mut query, mut routes) = (RoutesQuery::default(), Vec::new());
        loop {
            let page = jobs.jobs().list_routes(&query).await?;
            routes.extend(page.routes);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        query.cursor = None;
        loop {
            let page = match jobs.jobs().list_environment_routes(&query).await {
                // `jobs` is of release 0.1.0.
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                page => page?,
            };
            routes.extend(page.routes);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        self.0.map.replace_routes(routes);
        self.save_map();
        Ok(())
    }

    async fn apply_events(&self, events: Vec<Event>) -> Result<()> {
        for event in events {
            match event.decode()? {
                Some(RouteEvent::Changed(route) | RouteEvent::EnvironmentChanged(route)) => {
                    self.0.map.set_route(route);
                }
                Some(RouteEvent::Removed(removed)) => self.0.map.remove_route(&(removed.tool, None)),
                Some(RouteEvent::EnvironmentRemoved(removed)) => {
                    self.0.map.remove_route(&(removed.tool, Some(removed.environment)));
                }
                // An event type of a newer release.
                None => {}
            }
        }
        self.save_map();
        Ok(())
    }
}

impl RouteMapHandler {
    /// Saves the map. A failure is only logged: the file matters only at the next start.
    fn save_map(&self) {
        if let Err(error) = self.0.map.save_to_disk() {
            log_error!(&error, "route map not saved");
        }
    }
}
