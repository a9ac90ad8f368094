//! Consumes `jobs`' events about routes. While they cannot be read, the map stays as it is.

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_kit::{
    Worker,
    events::{Consumer, ViewHandler},
    log_error,
};
use hearth_wire::{
    events::{Event, Topic},
    jobs::internal::{RouteEvent, RoutesQuery},
};

use crate::Edge;

/// The worker that keeps the map of routes.
pub fn create_worker(edge: &Arc<Edge>) -> Worker {
    Consumer::new(&edge.kit, "routes", RouteEvent::TOPIC_INFO).in_memory(RouteMap(edge.clone()))
}

struct RouteMap(Arc<Edge>);

impl ViewHandler for RouteMap {
    async fn rebuild(&self) -> Result<()> {
        let jobs = self.0.kit.clients.of(Role::Jobs)?;
        let (mut query, mut routes) = (RoutesQuery::default(), Vec::new());
        loop {
            let page = jobs.jobs().routes(&query).await?;
            routes.extend(page.routes);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        self.0.map.replace(routes);
        self.save_map();
        Ok(())
    }

    async fn apply(&self, events: Vec<Event>) -> Result<()> {
        for event in events {
            match event.decode()? {
                Some(RouteEvent::Changed(route)) => self.0.map.put(route),
                Some(RouteEvent::Removed(removed)) => self.0.map.remove(removed.tool),
                // Of a newer release.
                None => {}
            }
        }
        self.save_map();
        Ok(())
    }
}

impl RouteMap {
    /// Saves the map; one that cannot be saved now serves as well until the next start.
    fn save_map(&self) {
        if let Err(error) = self.0.map.save() {
            log_error!(&error, "map of routes not saved");
        }
    }
}
