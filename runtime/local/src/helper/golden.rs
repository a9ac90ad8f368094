//! Tests that files written by helpers of earlier releases stay readable: one golden file for each format and
//! version, never changed.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Memory, Result};
use hearth_runtime_api::{LogStream, Termination};

use super::{
    config::HelperConfig,
    files::{ExitRecord, HelperState, StoredHealth},
    spool::{self, LogPosition},
};

fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read_golden<T: serde::de::DeserializeOwned>(name: &str) -> Result<T> {
    let bytes = fs::read(golden_path(name)).map_err(Error::internal)?;
    serde_json::from_slice(&bytes).map_err(Error::internal)
}

#[test]
fn a_state_of_version_1_is_read() -> Result<()> {
    let state: HelperState = read_golden("state-1.json")?;
    assert_eq!((state.helper.pid, state.helper.start), (4711, 123_456));
    let init = state.init.ok_or_else(|| Error::internal("no init process"))?;
    assert_eq!((init.process.pid, init.address), (4713, Some(Ipv4Addr::new(10, 64, 0, 130))));
    Ok(())
}

#[test]
fn an_exit_of_version_1_is_read() -> Result<()> {
    let exit: ExitRecord = read_golden("exit-1.json")?;
    assert_eq!((exit.outcome.end, exit.outcome.peak_memory), (Termination::Killed { signal: 9 }, 5678));
    Ok(())
}

#[test]
fn an_exit_without_resource_use_is_read() -> Result<()> {
    let exit: ExitRecord = read_golden("exit-1-without-use.json")?;
    assert_eq!(exit.outcome.end, Termination::Exited { code: 3 });
    assert_eq!((exit.outcome.cpu_micros, exit.outcome.peak_memory), (0, 0));
    Ok(())
}

#[test]
fn an_exit_with_limit_counters_is_read() -> Result<()> {
    let exit: ExitRecord = read_golden("exit-1-limits.json")?;
    assert_eq!(
        (exit.outcome.end, exit.outcome.oom_kills, exit.outcome.refused_forks),
        (Termination::Exited { code: 5 }, 2, 7)
    );
    Ok(())
}

#[test]
fn an_exit_with_a_full_disk_is_read() -> Result<()> {
    let exit: ExitRecord = read_golden("exit-1-disk.json")?;
    assert_eq!((exit.outcome.end, exit.outcome.disk_full), (Termination::Exited { code: 1 }, true));
    let before: ExitRecord = read_golden("exit-1-limits.json")?;
    assert!(!before.outcome.disk_full);
    Ok(())
}

#[test]
fn health_of_version_1_is_read() -> Result<()> {
    let StoredHealth { version, health } = read_golden("health-1.json")?;
    assert_eq!((version, health.started, health.ready), (1, true, true));
    assert_eq!(health.first_ready_at.map(|at| at.to_string()).as_deref(), Some("2026-11-29T09:00:00Z"));
    assert_eq!((health.failure, health.restart_reason), (None, None));
    Ok(())
}

#[test]
fn an_exit_of_an_unhealthy_container_is_read() -> Result<()> {
    let exit: ExitRecord = read_golden("exit-1-unhealthy.json")?;
    let reason = "GET /alive was answered with 503, 2 times in a row";
    assert_eq!((exit.outcome.stopped, exit.outcome.probe_failure.as_deref()), (true, Some(reason)));
    Ok(())
}

#[test]
fn a_helper_config_with_a_disk_is_read() -> Result<()> {
    let config: HelperConfig = read_golden("helper-1-disk.json")?;
    assert_eq!(config.disk_template.as_deref(), Some(Path::new("/state/disk-templates/1-1073741824")));
    assert_eq!(config.workload.limits.disk, Memory::from_mib(1024));
    Ok(())
}

#[test]
fn a_helper_config_of_version_1_is_read() -> Result<()> {
    let config: HelperConfig = read_golden("helper-1.json")?;
    assert_eq!(config.workload.process.argv, ["/bin/true"]);
    assert_eq!((config.disk_template, config.workload.limits.disk), (None, Memory::from_mib(2048)));
    assert_eq!(config.link.map(|link| link.prefix), Some(25));
    Ok(())
}

#[test]
fn a_log_of_version_1_is_read() -> Result<()> {
    let start = LogPosition { offset: 0, sequence: 0 };
    let (lines, place) = spool::read_lines(&golden_path("log-1"), start, 100).map_err(Error::internal)?;
    let lines: Vec<_> = lines.iter().map(|line| (line.stream, line.partial, line.text.as_str())).collect();
    let expected = [
        (LogStream::Out, false, "one"),
        (LogStream::Err, true, "tw"),
        (LogStream::Err, false, "o"),
        (LogStream::Note, false, "7 lines lost"),
    ];
    assert_eq!((lines.as_slice(), place.sequence), (&expected[..], 5));
    Ok(())
}
