//! Reads what containers wrote, and waits for more of it.

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
    disk::Disk,
    failure::Doing,
    helper::{
        files,
        spool::{self, Place},
    },
    sys::ready::Ready,
};

/// The most lines of one answer.
const PAGE: usize = 1000;

/// Remembers where each reader was, so that going on is quick.
#[derive(Debug, Default)]
pub struct Logs {
    places: Mutex<BTreeMap<InstanceId, Place>>,
}

impl Logs {
    /// See [`hearth_runtime_api::Runtime::logs`].
    pub async fn read(
        &self,
        disk: &Disk,
        instance: InstanceId,
        sequence: u64,
        wait: Duration,
    ) -> Result<LogPage> {
        let folder = disk.folder_of(instance);
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Watched before it is read, so that nothing falls in between.
            let watch = watch(&folder);
            let page = self.page(&folder, instance, sequence.max(1))?;
            let now = tokio::time::Instant::now();
            if page.complete || !page.lines.is_empty() || now >= deadline {
                return Ok(page);
            }
            match watch {
                Some(watch) => drop(tokio::time::timeout_at(deadline, watch.wait()).await),
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub fn forget(&self, instance: InstanceId) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(&instance);
    }

    fn page(&self, folder: &Path, instance: InstanceId, sequence: u64) -> Result<LogPage> {
        // Looked at first: a log that was complete before it was read has been read completely.
        let ended = folder.join(files::EXIT).exists();
        let path = folder.join(files::LOG);
        let what = format!("reading the log of {instance}");
        let from = self.place(instance, sequence, &path);
        let place = match spool::walk(&path, from, sequence) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => from,
            walked => walked.doing(&what)?,
        };
        let (mut lines, mut next) = (Vec::new(), place);
        if place.sequence >= sequence {
            (lines, next) = spool::read(&path, place, PAGE).doing(&what)?;
            if place != spool::taken(&path) && place.sequence > 1 {
                spool::take(&path, place).doing(format_args!("noting what was read of {instance}"))?;
            }
            self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(instance, next);
        }
        let complete = ended && lines.len() < PAGE;
        Ok(LogPage { lines, next: next.sequence.max(1), complete })
    }

    /// The nearest known place that is not behind what is asked for.
    fn place(&self, instance: InstanceId, sequence: u64, path: &Path) -> Place {
        let known = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&instance).copied();
        let taken = spool::taken(path);
        let start = Place { offset: 0, sequence: 0 };
        match known {
            Some(known) if known.sequence <= sequence => known,
            _ if taken.sequence <= sequence || spool::punched(path) => taken,
            _ => start,
        }
    }
}

fn watch(folder: &Path) -> Option<Ready> {
    let watch = rustix::fs::inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
    rustix::fs::inotify::add_watch(&watch, folder, WatchFlags::MODIFY | WatchFlags::MOVED_TO).ok()?;
    Ready::new(watch).ok()
}
