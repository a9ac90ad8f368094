//! Reading and following the logs of containers.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hearth_base::Result;
use hearth_runtime_api::{InstanceId, LogPage};
use rustix::fs::inotify::{CreateFlags, WatchFlags};

use crate::{
    helper::{
        files,
        spool::{self, LogPosition},
    },
    host_error::HostErrorContext,
    state_files::StateLayout,
    sys::readable_fd::ReadableFd,
};

/// Maximum number of lines in one page. The services handle a page as a whole, and everything else that their threads
/// have to do waits for it.
const MAX_LINES_PER_PAGE: usize = 200;

/// Log reader. It caches the last position in each log, so that reading on does not scan the log from its
/// start.
#[derive(Debug, Default)]
pub struct ContainerLogReader {
    positions: Mutex<BTreeMap<InstanceId, LogPosition>>,
}

impl ContainerLogReader {
    /// See [`hearth_runtime_api::Runtime::read_logs`].
    pub async fn read_page(
        &self,
        layout: &StateLayout,
        instance: InstanceId,
        sequence: u64,
        wait: Duration,
    ) -> Result<LogPage> {
        let folder = layout.instance_folder(instance);
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // The watch starts before the read, so that no line between the two is missed.
            let watch = watch_folder(&folder);
            let page = self.read_available(&folder, instance, sequence.max(1))?;
            let now = tokio::time::Instant::now();
            if page.complete || !page.lines.is_empty() || now >= deadline {
                return Ok(page);
            }
            match watch {
                Some(watch) => drop(tokio::time::timeout_at(deadline, watch.wait_until_readable()).await),
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub fn forget_position(&self, instance: InstanceId) {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).remove(&instance);
    }

    fn read_available(&self, folder: &Path, instance: InstanceId, sequence: u64) -> Result<LogPage> {
        // Checked before the read: a log whose container had exited by now cannot grow during the read.
        let has_exited = folder.join(files::EXIT_FILE).exists();
        let path = folder.join(files::LOG_FILE);
        let what = format!("reading the log of {instance}");
        let from = self.find_start(instance, sequence, &path);
        let position = match spool::find_position(&path, from, sequence) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => from,
            found => found.with_context(&what)?,
        };
        let (mut lines, mut next) = (Vec::new(), position);
        if position.sequence >= sequence {
            (lines, next) = spool::read_lines(&path, position, MAX_LINES_PER_PAGE).with_context(&what)?;
            if position != spool::read_consumed_position(&path) && position.sequence > 1 {
                spool::record_consumed_position(&path, position)
                    .with_context(format_args!("recording the read position in the log of {instance}"))?;
            }
            self.positions.lock().unwrap_or_else(PoisonError::into_inner).insert(instance, next);
        }
        let complete = has_exited && lines.len() < MAX_LINES_PER_PAGE;
        Ok(LogPage { lines, next: next.sequence.max(1), complete })
    }

    /// Finds the nearest stored position that is not after `sequence`.
    fn find_start(&self, instance: InstanceId, sequence: u64, path: &Path) -> LogPosition {
        let cached = self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(&instance).copied();
        let consumed = spool::read_consumed_position(path);
        let start = LogPosition { offset: 0, sequence: 0 };
        match cached {
            Some(cached) if cached.sequence <= sequence => cached,
            _ if consumed.sequence <= sequence || spool::is_consumed_part_freed(path) => consumed,
            _ => start,
        }
    }
}

fn watch_folder(folder: &Path) -> Option<ReadableFd> {
    let watch = rustix::fs::inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
    rustix::fs::inotify::add_watch(&watch, folder, WatchFlags::MODIFY | WatchFlags::MOVED_TO).ok()?;
    ReadableFd::new(watch).ok()
}
