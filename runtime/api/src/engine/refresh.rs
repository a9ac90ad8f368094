//! Replacement of the content of a workload's refreshed files.

use std::sync::Arc;

use hearth_base::{Error, Result};

use super::{Engine, record::StoredWorkload};
use crate::{FileRefresh, Workload, check::check_file_content};

impl Engine {
    /// See [`crate::Runtime::refresh_file`]. The content is stored for later containers, and the driver replaces
    /// it in the running ones.
    pub fn refresh_file(&self, refresh: &FileRefresh) -> Result<()> {
        let FileRefresh { workload: id, path, content } = refresh;
        check_file_content(content.expose_secret())?;
        let mut ledger = self.lock_ledger();
        let record = ledger.find_record(*id).ok_or_else(|| Error::not_found("workload", id))?;
        let mut workload = Workload::clone(&record.stored.workload);
        let file = workload.files.iter_mut().find(|file| file.path == *path);
        let file = file.ok_or_else(|| Error::not_found("refreshed file", path))?;
        // The caller repeats a refresh when its answer was lost.
        if file.content.expose_secret() == content.expose_secret() {
            return Ok(());
        }
        file.content = content.clone();
        let stored = StoredWorkload { workload: Arc::new(workload), ..record.stored.clone() };
        self.journal.save(&stored)?;
        let workload = Arc::clone(&stored.workload);
        ledger.upsert_workload(stored, self.clock.now());
        let running = ledger.list_unended_instances(*id);
        drop(ledger);
        self.announce_change();
        running.into_iter().try_for_each(|instance| self.driver.refresh_files(instance, &workload))
    }
}
