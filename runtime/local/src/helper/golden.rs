//! What helpers of every release wrote stays readable: one file per form and version, never changed.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Memory, Result};
use hearth_runtime_api::{End, Stream};

use super::{
    brief::Brief,
    files::{Began, Exit, StoredHealth},
    spool::{self, Place},
};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn json<T: serde::de::DeserializeOwned>(name: &str) -> Result<T> {
    let bytes = fs::read(golden(name)).map_err(Error::internal)?;
    serde_json::from_slice(&bytes).map_err(Error::internal)
}

#[test]
fn a_state_of_version_1_is_read() -> Result<()> {
    let began: Began = json("state-1.json")?;
    assert_eq!((began.helper.pid, began.helper.start), (4711, 123_456));
    let init = began.init.ok_or_else(|| Error::internal("no first process"))?;
    assert_eq!((init.process.pid, init.address), (4713, Some(Ipv4Addr::new(10, 64, 0, 130))));
    Ok(())
}

#[test]
fn an_exit_of_version_1_is_read() -> Result<()> {
    let exit: Exit = json("exit-1.json")?;
    assert_eq!((exit.outcome.end, exit.outcome.peak_memory), (End::Killed { signal: 9 }, 5678));
    Ok(())
}

#[test]
fn an_exit_without_what_was_used_is_read() -> Result<()> {
    let exit: Exit = json("exit-1-without-use.json")?;
    assert_eq!(exit.outcome.end, End::Exited { code: 3 });
    assert_eq!((exit.outcome.cpu_micros, exit.outcome.peak_memory), (0, 0));
    Ok(())
}

#[test]
fn an_exit_with_the_limits_that_were_met_is_read() -> Result<()> {
    let exit: Exit = json("exit-1-limits.json")?;
    assert_eq!(
        (exit.outcome.end, exit.outcome.oom_kills, exit.outcome.refused),
        (End::Exited { code: 5 }, 2, 7)
    );
    Ok(())
}

#[test]
fn an_exit_with_a_disk_that_was_full_is_read() -> Result<()> {
    let exit: Exit = json("exit-1-disk.json")?;
    assert_eq!((exit.outcome.end, exit.outcome.disk_full), (End::Exited { code: 1 }, true));
    let before: Exit = json("exit-1-limits.json")?;
    assert!(!before.outcome.disk_full);
    Ok(())
}

#[test]
fn health_of_version_1_is_read() -> Result<()> {
    let StoredHealth { version, health } = json("health-1.json")?;
    assert_eq!((version, health.started, health.ready), (1, true, true));
    assert_eq!(health.first_ready_at.map(|at| at.to_string()).as_deref(), Some("2026-11-29T09:00:00Z"));
    assert_eq!((health.failure, health.restart_reason), (None, None));
    Ok(())
}

#[test]
fn an_exit_of_an_unhealthy_container_is_read() -> Result<()> {
    let exit: Exit = json("exit-1-unhealthy.json")?;
    let reason = "GET /alive was answered with 503, 2 times in a row";
    assert_eq!((exit.outcome.stopped, exit.outcome.unhealthy.as_deref()), (true, Some(reason)));
    Ok(())
}

#[test]
fn a_brief_with_a_disk_is_read() -> Result<()> {
    let brief: Brief = json("brief-1-disk.json")?;
    assert_eq!(brief.blank.as_deref(), Some(Path::new("/state/blanks/1-1073741824")));
    assert_eq!(brief.workload.limits.disk, Memory::mib(1024));
    Ok(())
}

#[test]
fn a_brief_of_version_1_is_read() -> Result<()> {
    let brief: Brief = json("brief-1.json")?;
    assert_eq!(brief.workload.process.argv, ["/bin/true"]);
    assert_eq!((brief.blank, brief.workload.limits.disk), (None, Memory::mib(2048)));
    assert_eq!(brief.link.map(|link| link.prefix), Some(25));
    Ok(())
}

#[test]
fn a_log_of_version_1_is_read() -> Result<()> {
    let start = Place { offset: 0, sequence: 0 };
    let (lines, place) = spool::read(&golden("log-1"), start, 100).map_err(Error::internal)?;
    let lines: Vec<_> = lines.iter().map(|line| (line.stream, line.partial, line.text.as_str())).collect();
    let wanted = [
        (Stream::Out, false, "one"),
        (Stream::Err, true, "tw"),
        (Stream::Err, false, "o"),
        (Stream::Note, false, "7 lines lost"),
    ];
    assert_eq!((lines.as_slice(), place.sequence), (&wanted[..], 5));
    Ok(())
}
