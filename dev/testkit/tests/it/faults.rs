//! Faults: killed processes, taken ports, a second process of a role, a full disk.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{ErrorKind, Result, Role};
use hearth_testkit::{Hearth, HearthShape, in_every_shape, program_path, wait_until};
use hearth_wire::tools::{Tool, ToolCreate, ToolQuery};

async fn acknowledged_writes_survive_a_kill(mut hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let create = ToolCreate { name: "hello".parse()?, description: String::new() };
    let made = operator.client.tools().create(&create).await?;
    hearth.kill(Role::Accounts).await?;
    hearth.restart_role(Role::Accounts).await?;
    // Only the first start creates a setup code.
    assert!(!hearth.state_folder().join("setup-code").exists());
    let listed = wait_until("the gateway replies", async || {
        Ok(operator.client.tools().list(&ToolQuery::default()).await.ok())
    });
    assert_eq!(listed.await?.items, [made]);
    hearth.stop().await
}

#[tokio::test]
async fn unavailable_service_is_reported_and_recovers() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::SPLIT_ON_FILES).await?;
    let operator = hearth.operator().await?;
    hearth.kill(Role::Accounts).await?;
    let error = wait_until("accounts is unavailable", async || {
        Ok(operator.client.accounts().show_caller().await.err())
    })
    .await?;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    hearth.restart_role(Role::Accounts).await?;
    wait_until("accounts replies", async || Ok(operator.client.accounts().show_caller().await.ok())).await?;
    Ok(())
}

#[tokio::test]
async fn second_process_is_refused_with_the_pid_of_the_first() -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let second = Command::new(program_path("hearthd")?)
        .args(["serve", "--roles", "all", "--listen", "127.0.0.1:0", "--state"])
        .arg(hearth.state_folder())
        .output()
        .unwrap();
    let output = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{output}");
    assert!(output.contains(&format!("is already run by process {}", hearth.list_pids()[0])), "{output}");
    assert!(output.contains("[role-taken]") && output.contains("next:"), "{output}");
    Ok(())
}

#[tokio::test]
async fn taken_port_is_reported_before_any_change() -> Result<()> {
    let hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let folder = tempfile::tempdir().unwrap();
    let second = Command::new(program_path("hearthd")?)
        .args(["serve", "--roles", "all", "--listen", hearth.url().trim_start_matches("http://"), "--state"])
        .arg(folder.path())
        .output()
        .unwrap();
    let output = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{output}");
    assert!(output.contains("another process uses the address") && output.contains("--listen"), "{output}");
    assert!(!folder.path().join("db/accounts.sqlite").exists());
    Ok(())
}

#[tokio::test]
async fn unknown_setting_is_reported_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hearth.toml");
    std::fs::write(&config, "[door]\nlisten = \"127.0.0.1:0\"\nlissen = 1\n").unwrap();
    let output =
        Command::new(program_path("hearthd")?).args(["up", "--config"]).arg(&config).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("hearth.toml, line 3: unknown field `lissen`"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn doctor_reports_the_features_of_the_host() -> Result<()> {
    let doctor = Command::new(program_path("hearthd")?).arg("doctor").output().unwrap();
    let output = String::from_utf8(doctor.stdout).unwrap();
    for feature in ["root", "kernel", "overlay"] {
        assert!(output.lines().any(|line| line.split_whitespace().nth(1) == Some(feature)), "{output}");
    }
    let missing = output.lines().any(|line| line.starts_with("missing"));
    assert_eq!(doctor.status.code(), Some(if missing { 2 } else { 0 }), "{output}");
    Ok(())
}

#[tokio::test]
async fn full_disk_refuses_changes_and_loses_nothing() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let create = |number: usize| ToolCreate {
        name: format!("tool{number}").parse().unwrap(),
        description: "x".repeat(200),
    };
    let mut made = vec![tools.create(&create(0)).await?];
    hearth.kill_all().await?;
    let disk = SmallDisk::replace_folder(&hearth.state_folder());
    hearth.start_missing_processes().await?;

    let ballast = hearth.state_folder().join("ballast");
    let filled = std::io::copy(&mut std::io::repeat(0), &mut File::create(&ballast).unwrap());
    assert_eq!(filled.unwrap_err().kind(), io::ErrorKind::StorageFull);
    let refused = loop {
        match tools.create(&create(made.len())).await {
            Ok(tool) => made.push(tool),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), "disk-full", "{refused:?}");
    let names = |tools: &[Tool]| tools.iter().map(|tool| tool.name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(names(&tools.list(&ToolQuery::default()).await?.items), names(&made));

    std::fs::remove_file(&ballast).unwrap();
    made.push(tools.create(&create(made.len())).await?);
    assert_eq!(names(&tools.list(&ToolQuery::default()).await?.items), names(&made));
    hearth.stop().await?;
    drop(disk);
    Ok(())
}

/// A small file system mounted over a folder, with a copy of its content. It is unmounted when this value is
/// dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn replace_folder(folder: &Path) -> Self {
        let original = folder.with_extension("original");
        std::fs::rename(folder, &original).unwrap();
        std::fs::create_dir(folder).unwrap();
        run_successfully(Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(folder));
        run_successfully(Command::new("cp").arg("-aT").arg(original).arg(folder));
        Self(folder.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run_successfully(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn run_successfully(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}

in_every_shape!(acknowledged_writes_survive_a_kill);
