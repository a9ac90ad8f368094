//! A secret is inside the container that has it, and nowhere else on the machine.

use std::{fs, path::Path, process::Command};

use hearth_base::{Error, Result, Secret};
use hearth_testkit::{Hearth, Shape, until};
use hearth_wire::{
    envvars::{EnvvarCreate, EnvvarsScope},
    jobs::JobsQuery,
    tools::ToolCreate,
};

use super::images::provide;

/// Marks what must not be seen.
const MARK: &str = "correct-horse-battery-staple";

#[tokio::test]
async fn a_secret_is_nowhere_but_inside_its_container() -> Result<()> {
    let hearth = Hearth::start(Shape::UP).await?;
    provide(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    let create = ToolCreate { name: "hello".parse()?, description: String::new() };
    let tool = operator.client.tools().create(&create).await?.name;
    let secret = EnvvarCreate { name: "MARKED".parse()?, value: Secret::new(MARK), secret: Some(true) };
    let whole = EnvvarsScope::default();
    let made = operator.client.envvars().create(&tool, &secret, &whole).await?.content.envvar;
    assert!(made.secret && made.value.reveal().is_empty());

    // It reaches the program, and a second one beside it: both say it in other letters.
    let other = "echo \"$MARKED\" | tr a-y b-z";
    let said = MARK.replace(|symbol: char| !symbol.is_ascii_alphabetic(), "-");
    let said: String = said
        .chars()
        .map(|symbol| if symbol == '-' { symbol } else { char::from(symbol as u8 + 1) })
        .collect();
    let run = ["jobs", "run", "bot", "--tool", "hello", "--image", "bookworm", "--continuous", "--command"];
    keyboard.done(&[&run[..], &[&format!("{other}; exec sleep 1000")]].concat()).await?;
    until("its log", async || {
        let log = keyboard.types(&["jobs", "logs", "bot", "--tool", "hello"]).await?;
        Ok(log.out.contains(&said).then_some(()))
    })
    .await?;
    let beside = ["exec", "bot", "--tool", "hello", "--", "/bin/sh", "-c", other];
    assert!(keyboard.done(&beside).await?.contains(&said));
    nowhere(&hearth)?;
    let named = found("MARKED", &[&hearth.runtime_state()])?;
    assert!(named.contains("brief.json"), "the files of its workload were looked at: {named}");

    // A change says what still runs with the former value, and restarts it when asked to.
    let told = operator.client.envvars().create(&tool, &secret, &whole).await?.messages.info;
    assert!(told.iter().any(|sentence| sentence.contains("bot still runs")), "{told:?}");
    assert!(
        keyboard.done(&["jobs", "show", "bot", "--tool", "hello"]).await?.contains("variables have changed")
    );
    keyboard.done(&["envvars", "delete", "MARKED", "--tool", "hello", "--yes", "--restart"]).await?;
    until("the job to run without it", async || {
        let job = operator.client.jobs().show(&tool, &"bot".parse()?, &JobsQuery::default()).await?;
        Ok((job.status.up_to_date && !job.status.envvars_changed).then_some(()))
    })
    .await?;
    nowhere(&hearth)?;
    hearth.stop().await
}

/// Looks for the mark in all files of this Hearth (databases, logs, workloads), and in what the machine shows of
/// every process outside of containers.
fn nowhere(hearth: &Hearth) -> Result<()> {
    let state = hearth.runtime_state();
    let folder = state.parent().and_then(Path::parent).ok_or_else(|| Error::internal("no folder"))?;
    let run = hearth.runtime_socket()?;
    let run = run.parent().ok_or_else(|| Error::internal("no folder"))?;
    assert_eq!(found(MARK, &[folder, run])?, "");
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let own = namespace("self").map_err(Error::internal)?;
    let mut looked = 0;
    for pid in fs::read_dir("/proc").map_err(Error::internal)?.flatten() {
        let pid = pid.file_name().to_string_lossy().into_owned();
        if namespace(&pid).is_ok_and(|namespace| namespace == own) {
            for file in ["cmdline", "environ"] {
                let shown = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                assert!(!String::from_utf8_lossy(&shown).contains(MARK), "{file} of {pid}");
            }
            looked += 1;
        }
    }
    assert!(looked > hearth.pids().len(), "all processes are looked at, helpers too");
    Ok(())
}

/// Names of files that hold this text.
fn found(text: &str, folders: &[&Path]) -> Result<String> {
    let mut grep = Command::new("grep");
    grep.args(["-r", "-l", "-a", "-F", "-D", "skip", "-e", text, "--"]).args(folders);
    let output = grep.output().map_err(Error::internal)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
