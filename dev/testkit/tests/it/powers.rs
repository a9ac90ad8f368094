//! Two domains of privilege: what speaks HTTP has no powers.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use hearth_base::{Error, Result, Role};
use hearth_testkit::{Hearth, Shape, program, until};

fn status(pid: u32, key: &str) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).map_err(Error::internal)?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned()).ok_or_else(|| Error::internal(format!("no {key} of {pid}")))
}

/// Whether a user of this host without powers can open a file or folder.
fn opens(uid: &str, path: &Path) -> Result<bool> {
    let mut attempt = Command::new("setpriv");
    attempt.args(["--reuid", uid, "--regid", uid, "--clear-groups", "--", "ls"]).arg(path);
    attempt.output().map(|output| output.status.success()).map_err(Error::internal)
}

#[tokio::test]
async fn the_process_that_speaks_http_has_no_powers_and_no_key_of_the_runtime() -> Result<()> {
    let hearth = Hearth::start(Shape::UP).await?;
    let door = hearth.door_pid().unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(door, set)?, "0000000000000000", "{set}");
    }
    assert_eq!(status(door, "NoNewPrivs")?, "1");
    let uids = status(door, "Uid")?;
    let uids: Vec<&str> = uids.split_whitespace().collect();
    assert!(uids.iter().all(|uid| *uid == uids[0] && *uid != "0"), "{uids:?}");
    assert!(status(door, "Groups")?.split_whitespace().all(|group| group == uids[0]));
    assert!(!opens(uids[0], &hearth.runtime_state())?);
    assert!(opens(uids[0], &hearth.state())?);
    // And nobody else of this host reads what services keep.
    assert!(!opens("61235", &hearth.state())?);
    hearth.stop().await
}

#[tokio::test]
async fn services_that_die_are_started_again() -> Result<()> {
    let mut hearth = Hearth::start(Shape::UP).await?;
    let operator = hearth.operator().await?;
    let first = hearth.door_pid();
    hearth.kill(Role::Gateway).await?;
    let me = until("the door answers again", async || Ok(operator.client.accounts().me().await.ok())).await?;
    assert!(me.operator);
    assert_ne!(hearth.door_pid(), first);
    hearth.stop().await
}

#[tokio::test]
async fn a_state_folder_in_a_home_is_refused_with_a_way_out() -> Result<()> {
    let home = tempfile::tempdir().map_err(Error::internal)?;
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).map_err(Error::internal)?;
    let mut up = Command::new(program("hearthd")?);
    up.arg("up").arg("--state").arg(home.path().join("state")).args(["--listen", "127.0.0.1:0"]);
    let refused = up.env("HEARTH_RUNTIME__USER", "61234").output().map_err(Error::internal)?;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("is closed to others") && said.contains("next:  hearthd up --state"), "{said}");
    Ok(())
}
