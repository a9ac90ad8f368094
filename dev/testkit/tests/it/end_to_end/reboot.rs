//! A reboot of the host: every process ends at once, and `/run` is empty afterwards.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape, wait_until};

use super::images::provide_images;

#[tokio::test]
async fn jobs_and_homes_are_back_after_a_reboot_of_the_host() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "hello"]).await?;
    let run =
        ["jobs", "run", "bot", "--tool", "hello", "--image", "bookworm", "--continuous", "--mount", "all"];
    let line = "echo start >> ~/starts; wc -l < ~/starts; exec sleep 1000";
    cli.run_successfully(&[&run[..], &["--no-filelog", "--command", line]].concat()).await?;
    let count_starts = async |wanted: &str| {
        let counted =
            cli.run(&["exec", "bot", "--tool", "hello", "-T", "--", "sh", "-c", "wc -l < ~/starts"]);
        Ok((counted.await?.out.trim() == wanted).then_some(()))
    };
    wait_until("the job runs", async || count_starts("1").await).await?;

    let run_folder = hearth.runtime_socket()?.parent().map(Path::to_owned);
    let run_folder = run_folder.ok_or_else(|| Error::internal("the socket has no folder"))?;
    let instance =
        run_folder.file_name().and_then(|name| name.to_str()?.strip_prefix("hearth-").map(str::to_owned));
    hearth.kill_all().await?;
    kill_containers(&instance.ok_or_else(|| Error::internal("no instance"))?)?;
    fs::remove_dir_all(&run_folder).map_err(Error::internal)?;

    hearth.start_missing_processes().await?;
    wait_until("the job runs again, with the same home", async || count_starts("2").await).await?;
    let state = hearth.runtime_state().parent().map(|state| state.display().to_string()).unwrap_or_default();
    let down = cli.run_successfully(&["down", "--state", &state, "--dry-run"]).await?;
    assert!(
        down.contains("would stop process"),
        "`hearth down` finds a Hearth that `hearthd up` started: {down}"
    );
    assert!(cli.run_successfully(&["files", "list", "--tool", "hello"]).await?.contains("starts"));
    hearth.stop().await
}

/// Kills the containers of an instance, after the processes that would record their end.
fn kill_containers(instance: &str) -> Result<()> {
    let group = format!("/hearth/{instance}/");
    let (mut inside, mut parents) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir("/proc").map_err(Error::internal)?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        if read("cgroup").contains(&group) {
            inside.insert(pid);
            let status = read("status");
            let parent =
                status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<i32>().ok());
            parents.extend(parent.filter(|parent| *parent > 1));
        }
    }
    assert!(!inside.is_empty() && !parents.is_empty(), "no container of {instance} runs");
    for pid in parents.difference(&inside).chain(&inside) {
        // It may have ended with its parent, so the status does not matter.
        Command::new("kill").args(["-KILL", &pid.to_string()]).output().map_err(Error::internal)?;
    }
    Ok(())
}
