//! What goes wrong around Hearth: killed processes, taken ports, a second process for a role.

use std::{
    collections::BTreeSet,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use hearth_base::{Kind, Result, Role};
use hearth_testkit::{Hearth, Shape, in_every_shape, program, until};
use hearth_wire::tools::{Tool, ToolCreate, ToolQuery};

async fn what_was_acknowledged_outlives_a_kill(mut hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let create = ToolCreate { name: "hello".parse()?, description: String::new() };
    let made = operator.client.tools().create(&create).await?;
    hearth.kill(Role::Accounts).await?;
    hearth.revive(Role::Accounts).await?;
    // The code that only the first start makes is not made again.
    assert!(!hearth.state().join("setup-code").exists());
    let listed = until("the door answers", async || {
        Ok(operator.client.tools().list(&ToolQuery::default()).await.ok())
    });
    assert_eq!(listed.await?.items, [made]);
    hearth.stop().await
}

#[tokio::test]
async fn a_service_that_is_away_is_named_and_comes_back() -> Result<()> {
    let mut hearth = Hearth::start(Shape::SPLIT_ON_FILES).await?;
    let operator = hearth.operator().await?;
    hearth.kill(Role::Accounts).await?;
    let away = until("accounts is away", async || Ok(operator.client.accounts().me().await.err())).await?;
    assert_eq!(away.kind(), Kind::Unavailable);
    hearth.revive(Role::Accounts).await?;
    until("accounts is back", async || Ok(operator.client.accounts().me().await.ok())).await?;
    Ok(())
}

#[tokio::test]
async fn a_second_process_is_refused_and_told_of_the_first() -> Result<()> {
    let hearth = Hearth::start(Shape::TOGETHER_ON_FILES).await?;
    let second = Command::new(program("hearthd")?)
        .args(["serve", "--roles", "all", "--listen", "127.0.0.1:0", "--state"])
        .arg(hearth.state())
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("process {} already plays", hearth.pids()[0])), "{told}");
    assert!(told.contains("[role-taken]") && told.contains("next:"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_told_before_anything_is_changed() -> Result<()> {
    let hearth = Hearth::start(Shape::TOGETHER_ON_FILES).await?;
    let folder = tempfile::tempdir().unwrap();
    let second = Command::new(program("hearthd")?)
        .args(["serve", "--roles", "all", "--listen", hearth.url().trim_start_matches("http://"), "--state"])
        .arg(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{told}");
    assert!(told.contains("another program listens there") && told.contains("--listen"), "{told}");
    assert!(!folder.path().join("db/accounts.sqlite").exists());
    Ok(())
}

#[tokio::test]
async fn a_wrong_setting_is_told_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hearth.toml");
    std::fs::write(&config, "[door]\nlisten = \"127.0.0.1:0\"\nlissen = 1\n").unwrap();
    let output = Command::new(program("hearthd")?).args(["up", "--config"]).arg(&config).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("hearth.toml, line 3: unknown field `lissen`"), "{told}");
    Ok(())
}

#[tokio::test]
async fn the_doctor_looks_at_the_host_and_says_what_it_offers() -> Result<()> {
    let looked = Command::new(program("hearthd")?).arg("doctor").output().unwrap();
    let told = String::from_utf8(looked.stdout).unwrap();
    for thing in ["root", "kernel", "overlay"] {
        assert!(told.lines().any(|line| line.split_whitespace().nth(1) == Some(thing)), "{told}");
    }
    let missing = told.lines().any(|line| line.starts_with("missing"));
    assert_eq!(looked.status.code(), Some(if missing { 2 } else { 0 }), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_full_disk_refuses_changes_and_loses_nothing() -> Result<()> {
    let mut hearth = Hearth::start(Shape::TOGETHER_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let create = |number: usize| ToolCreate {
        name: format!("tool{number}").parse().unwrap(),
        description: "x".repeat(200),
    };
    let mut made = vec![tools.create(&create(0)).await?];
    hearth.kill_all().await?;
    let disk = SmallDisk::over(&hearth.state());
    hearth.revive_all().await?;

    let ballast = hearth.state().join("ballast");
    let filled = std::io::copy(&mut std::io::repeat(0), &mut File::create(&ballast).unwrap());
    assert_eq!(filled.unwrap_err().kind(), ErrorKind::StorageFull);
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

/// A small file system in the place of a folder, with what the folder held. It goes with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn over(folder: &Path) -> Self {
        let aside = folder.with_extension("aside");
        std::fs::rename(folder, &aside).unwrap();
        std::fs::create_dir(folder).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(folder));
        run(Command::new("cp").arg("-aT").arg(aside).arg(folder));
        Self(folder.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}

in_every_shape!(what_was_acknowledged_outlives_a_kill);
