//! Two releases of Hearth on one state: each reads what the other wrote, and processes of both work together.
//! `cargo xtask soak mixed` builds the previous release; without it the programs of this build play both parts.

use std::path::Path;

use hearth_base::{Error, Result, Role};
use hearth_testkit::{DatabaseKind, Hearth, HearthShape, Release, ReleasePlan, StateRecord};

#[tokio::test]
async fn state_of_every_release_is_opened() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("states");
    let mut archives: Vec<_> = std::fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(Error::internal)?;
    archives.sort();
    assert!(archives.iter().any(|archive| archive.ends_with("0.1.0.tar.gz")), "{archives:?}");
    for archive in archives {
        let mut hearth = Hearth::create_stopped(
            StateRecord::HEARTH_SHAPE,
            StateRecord::HEARTH_SETTINGS,
            ReleasePlan::ALL_CURRENT,
        )?;
        let record = StateRecord::unpack_archive(&archive, &hearth)?;
        hearth.start_missing_processes().await?;
        let checked = record.check_answers(&hearth).await;
        assert!(checked.is_ok(), "{}: {checked:?}", archive.display());
    }
    Ok(())
}

/// An upgrade and its roll-back: containers of one release keep running under the other.
async fn each_release_reads_what_the_other_wrote(database_kind: DatabaseKind) -> Result<()> {
    let shape = HearthShape { database_kind, ..StateRecord::HEARTH_SHAPE };
    let mut hearth =
        Hearth::start_in_releases(shape, StateRecord::HEARTH_SETTINGS, ReleasePlan::ALL_PREVIOUS).await?;
    let record = StateRecord::create(&mut hearth).await?;
    let containers = hearth.list_container_processes()?;
    assert!(!containers.is_empty());
    for releases in [ReleasePlan::ALL_CURRENT, ReleasePlan::ALL_PREVIOUS, ReleasePlan::ALL_CURRENT] {
        hearth.kill_all().await?;
        hearth.choose_releases(releases);
        hearth.start_missing_processes().await?;
        record.check_answers(&hearth).await?;
        let now = hearth.list_container_processes()?;
        assert!(containers.iter().all(|process| now.contains(process)), "{containers:?} is now {now:?}");
    }
    Ok(())
}

#[tokio::test]
async fn each_release_reads_what_the_other_wrote_on_sqlite() -> Result<()> {
    each_release_reads_what_the_other_wrote(DatabaseKind::Sqlite).await
}

#[tokio::test]
async fn each_release_reads_what_the_other_wrote_on_postgres() -> Result<()> {
    each_release_reads_what_the_other_wrote(DatabaseKind::Postgres).await
}

/// Half of the roles are of one release, then of the other; the runtime follows.
#[tokio::test]
async fn services_of_two_releases_work_together() -> Result<()> {
    let halves = [
        ReleasePlan { role: |role| choose_by_parity(role, 0), others: Release::Current },
        ReleasePlan { role: |role| choose_by_parity(role, 1), others: Release::Previous },
    ];
    let [first, second] = halves;
    let shape = HearthShape::SPLIT_WITH_CONTAINERS;
    let mut hearth = Hearth::start_in_releases(shape, StateRecord::HEARTH_SETTINGS, first).await?;
    let record = StateRecord::create(&mut hearth).await?;
    record.check_answers(&hearth).await?;
    hearth.kill_all().await?;
    hearth.choose_releases(second);
    hearth.start_missing_processes().await?;
    record.check_answers(&hearth).await
}

/// A service has two processes, one of each release, which share the database and the work.
#[tokio::test]
async fn processes_of_two_releases_share_the_work_of_a_service() -> Result<()> {
    let shape = HearthShape::SPLIT_WITH_CONTAINERS;
    let mut hearth =
        Hearth::start_in_releases(shape, StateRecord::HEARTH_SETTINGS, ReleasePlan::ALL_CURRENT).await?;
    hearth.choose_releases(ReleasePlan::ALL_PREVIOUS);
    for role in [Role::Logs, Role::Notify, Role::Components, Role::Jobs] {
        hearth.start_second(role).await?;
    }
    let record = StateRecord::create(&mut hearth).await?;
    record.check_answers(&hearth).await
}

fn choose_by_parity(role: Role, current: usize) -> Release {
    let position = Role::ALL.iter().position(|candidate| *candidate == role).unwrap_or_default();
    if position % 2 == current { Release::Current } else { Release::Previous }
}
