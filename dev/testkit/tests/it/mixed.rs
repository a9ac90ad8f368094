//! Two releases of Hearth on one state: each reads what the other wrote, and processes of both work together.
//! `cargo xtask soak mixed` builds the previous release; without it the programs of this build play both parts.

use std::path::Path;

use hearth_base::{Error, ErrorKind, JobName, Result, Role, ToolName};
use hearth_client::{Client, box_body};
use hearth_testkit::{
    DatabaseKind, Hearth, HearthShape, Release, ReleasePlan, StateRecord, TestImage, run_job_for_line,
    wait_until,
};
use hearth_wire::{
    jobs::{JobCreate, JobType, MountMode},
    storage::FileWriteQuery,
    tools::ToolState,
};
use http_body_util::Full;

/// Image of the jobs that use a home.
const SHELL_IMAGE: &str = "tool-keeper/shell:latest";

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
        if archive.ends_with("0.1.0.tar.gz") {
            assert_eq!(
                list_home_disks(&hearth)?,
                Vec::<String>::new(),
                "release 0.1.0 would not see the homes"
            );
            assert!(run_hearthd(&hearth, &["upgrade", "check"])?.contains("the release before reads it too"));
        }
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
        restart_in_releases(&mut hearth, releases).await?;
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
    // The previous release has made the state: a new one of this release could not be opened by the other.
    let mut hearth =
        Hearth::start_in_releases(shape, StateRecord::HEARTH_SETTINGS, ReleasePlan::ALL_PREVIOUS).await?;
    restart_in_releases(&mut hearth, first).await?;
    let record = StateRecord::create(&mut hearth).await?;
    record.check_answers(&hearth).await?;
    restart_in_releases(&mut hearth, second).await?;
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

/// Homes are folders, as release 0.1 knows them, until the upgrade is finished; then they get disks, and that release
/// refuses to start.
#[tokio::test]
async fn home_is_found_after_a_roll_back_and_after_the_end_of_the_upgrade() -> Result<()> {
    let mut hearth = Hearth::start_in_releases(
        StateRecord::HEARTH_SHAPE,
        StateRecord::HEARTH_SETTINGS,
        ReleasePlan::ALL_PREVIOUS,
    )
    .await?;
    // Without the previous release, this build has made the state, and there is no upgrade.
    let is_upgrade = !hearth.runtime_state().join("format.json").exists();
    let operator = hearth.operator().await?;
    let client = &operator.client;

    restart_in_releases(&mut hearth, ReleasePlan::ALL_CURRENT).await?;
    let keeper = operator.create_tool("keeper").await?;
    TestImage::from_busybox(&[])?.push(client, "tool-keeper/shell", "latest").await?;
    let write =
        create_home_job(client, &keeper, "write", "echo by a run > $TOOL_DATA_DIR/run; echo written").await?;
    let read =
        create_home_job(client, &keeper, "read", "cat $TOOL_DATA_DIR/run $TOOL_DATA_DIR/copied").await?;
    run_job_for_line(client, &keeper, &write, "written").await?;
    write_file(client, &keeper, "copied", "by the API\n").await?;
    assert_eq!(list_home_disks(&hearth)?.is_empty(), is_upgrade);

    for releases in [ReleasePlan::ALL_PREVIOUS, ReleasePlan::ALL_CURRENT] {
        restart_in_releases(&mut hearth, releases).await?;
        for line in ["by a run", "by the API"] {
            run_job_for_line(client, &keeper, &read, line).await?;
        }
        assert_eq!(list_home_disks(&hearth)?.is_empty(), is_upgrade);
    }

    run_hearthd(&hearth, &["upgrade", "finish"])?;
    restart_in_releases(&mut hearth, ReleasePlan::ALL_CURRENT).await?;
    for line in ["by a run", "by the API"] {
        run_job_for_line(client, &keeper, &read, line).await?;
    }
    assert_eq!(list_home_disks(&hearth)?.len(), 1);
    if is_upgrade {
        hearth.kill_all().await?;
        hearth.choose_releases(ReleasePlan::ALL_PREVIOUS);
        assert!(hearth.start_missing_processes().await.is_err());
        assert!(hearth.read_log("runtime").contains("tools.json is unreadable"));
        return hearth.kill_all().await;
    }
    hearth.stop().await
}

/// Release 0.1.0 has no role `storage`, which this release waits for.
#[tokio::test]
async fn deletion_that_waits_for_a_new_service_survives_a_roll_back() -> Result<()> {
    let mut hearth = Hearth::start_in_releases(
        StateRecord::HEARTH_SHAPE,
        StateRecord::HEARTH_SETTINGS,
        ReleasePlan::ALL_PREVIOUS,
    )
    .await?;
    let operator = hearth.operator().await?;
    let client = &operator.client;
    restart_in_releases(&mut hearth, ReleasePlan::ALL_CURRENT).await?;
    let tool = operator.create_tool("gone").await?;
    write_file(client, &tool, "note", "of a deleted tool\n").await?;
    let homes = hearth.runtime_state().join("homes");
    let count_homes = || std::fs::read_dir(&homes).map_err(Error::internal).map(Iterator::count);
    assert_eq!(count_homes()?, 1);
    hearth.kill(Role::Storage).await?;
    client.tools().delete(&tool).await?;
    wait_until("the other services have erased their data", async || {
        Ok((client.tools().show(&tool).await?.waits_for == ["storage"]).then_some(()))
    })
    .await?;

    restart_in_releases(&mut hearth, ReleasePlan::ALL_PREVIOUS).await?;
    match client.tools().show(&tool).await {
        Ok(shown) => assert_eq!(shown.state, ToolState::Deleting),
        // Without the previous release, this build ends the deletion.
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}"),
    }
    restart_in_releases(&mut hearth, ReleasePlan::ALL_CURRENT).await?;
    wait_until("the deletion ends", async || {
        let shown = client.tools().show(&tool).await;
        Ok(shown.is_err_and(|error| error.kind() == ErrorKind::NotFound).then_some(()))
    })
    .await?;
    assert_eq!(count_homes()?, 0);
    hearth.stop().await
}

async fn restart_in_releases(hearth: &mut Hearth, releases: ReleasePlan) -> Result<()> {
    hearth.kill_all().await?;
    hearth.choose_releases(releases);
    hearth.start_missing_processes().await
}

/// Creates a one-off job that mounts the home.
async fn create_home_job(client: &Client, tool: &ToolName, name: &str, script: &str) -> Result<JobName> {
    let name: JobName = name.parse()?;
    let create = JobCreate {
        job_type: Some(JobType::OneOff),
        mount: Some(MountMode::All),
        filelog: Some(false),
        ..JobCreate::new(name.clone(), SHELL_IMAGE, script)
    };
    client.jobs().create(tool, &create).await?;
    Ok(name)
}

async fn write_file(client: &Client, tool: &ToolName, path: &str, content: &'static str) -> Result<()> {
    let query = FileWriteQuery { path: path.to_owned(), ..FileWriteQuery::default() };
    let body = box_body(Full::from(content));
    client.storage().write_file(tool, &query, content.len() as u64, body).await.map(drop)
}

/// Lists the homes that are disk files.
fn list_home_disks(hearth: &Hearth) -> Result<Vec<String>> {
    let homes = std::fs::read_dir(hearth.runtime_state().join("homes")).map_err(Error::internal)?;
    let names = homes.filter_map(|home| home.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name.ends_with(".disk")).collect())
}

fn run_hearthd(hearth: &Hearth, arguments: &[&str]) -> Result<String> {
    let output = hearth.hearthd_command(arguments)?.output().map_err(Error::internal)?;
    assert!(output.status.success(), "{output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
