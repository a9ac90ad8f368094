//! Privileges: the process that serves HTTP has no capabilities.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Error, Result, Role};
use hearth_testkit::{Hearth, HearthShape, program_path, wait_until};

fn read_status_field(pid: u32, key: &str) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).map_err(Error::internal)?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned()).ok_or_else(|| Error::internal(format!("no {key} of {pid}")))
}

/// Returns true if an unprivileged user of this host can open a file or folder.
fn can_open_file(uid: &str, path: &Path) -> Result<bool> {
    let mut attempt = Command::new("setpriv");
    attempt.args(["--reuid", uid, "--regid", uid, "--clear-groups", "--", "ls"]).arg(path);
    attempt.output().map(|output| output.status.success()).map_err(Error::internal)
}

#[tokio::test]
async fn http_process_has_no_capabilities_and_no_runtime_keys() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let process = hearth.door_pid().unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(read_status_field(process, set)?, "0000000000000000", "{set}");
    }
    assert_eq!(read_status_field(process, "NoNewPrivs")?, "1");
    let uids = read_status_field(process, "Uid")?;
    let uids: Vec<&str> = uids.split_whitespace().collect();
    assert!(uids.iter().all(|uid| *uid == uids[0] && *uid != "0"), "{uids:?}");
    assert!(read_status_field(process, "Groups")?.split_whitespace().all(|group| group == uids[0]));
    assert!(!can_open_file(uids[0], &hearth.runtime_state())?);
    assert!(can_open_file(uids[0], &hearth.state_folder())?);
    // Another user of this host cannot read the state of services.
    assert!(!can_open_file("61235", &hearth.state_folder())?);
    hearth.stop().await
}

/// Lists the files and folders that other users of the host have any permission for.
fn list_open_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut open, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::internal)? {
            let path = entry.map_err(Error::internal)?.path();
            // A temporary file may be gone by now.
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if !meta.is_symlink() && meta.permissions().mode() & 0o007 != 0 {
                open.push(path.clone());
            }
            if meta.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(open)
}

#[tokio::test]
async fn no_file_of_a_hearth_is_open_to_other_users() -> Result<()> {
    for shape in
        [HearthShape::UP_WITH_CONTAINERS, HearthShape::SPLIT_ON_FILES, HearthShape::TOGETHER_ON_FILES]
    {
        let hearth = Hearth::start(shape).await?;
        hearth.operator().await?;
        let state = hearth.state_folder();
        assert_eq!(
            fs::metadata(&state).map_err(Error::internal)?.permissions().mode() & 0o007,
            0,
            "{shape:?}"
        );
        assert_eq!(list_open_files(&state)?, Vec::<PathBuf>::new(), "{shape:?}");
        if shape.containers {
            let runtime = hearth.runtime_state();
            assert_eq!(fs::metadata(&runtime).map_err(Error::internal)?.permissions().mode() & 0o077, 0);
            let top = runtime.parent().unwrap_or(&runtime);
            assert_eq!(fs::metadata(top).map_err(Error::internal)?.permissions().mode() & 0o007, 0);
        }
        hearth.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn killed_services_are_restarted() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let operator = hearth.operator().await?;
    let first = hearth.door_pid();
    hearth.kill(Role::Gateway).await?;
    let me = wait_until("the gateway replies again", async || {
        Ok(operator.client.accounts().show_caller().await.ok())
    })
    .await?;
    assert!(me.operator);
    assert_ne!(hearth.door_pid(), first);
    hearth.stop().await
}

#[tokio::test]
async fn state_folder_in_a_private_home_is_refused_with_a_next_step() -> Result<()> {
    let home = tempfile::tempdir().map_err(Error::internal)?;
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).map_err(Error::internal)?;
    let mut up = Command::new(program_path("hearthd")?);
    up.arg("up").arg("--state").arg(home.path().join("state")).args(["--listen", "127.0.0.1:0"]);
    let refused = up.env("HEARTH_RUNTIME__USER", "61234").output().map_err(Error::internal)?;
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("is closed to other users") && stderr.contains("next:  hearthd up --state"),
        "{stderr}"
    );
    Ok(())
}
