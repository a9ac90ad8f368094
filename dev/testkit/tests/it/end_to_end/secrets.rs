//! A secret is readable only inside its container, and nowhere else on the host.

use std::{fs, path::Path, process::Command};

use hearth_base::{Error, Result, Secret};
use hearth_testkit::{Hearth, HearthShape, wait_until};
use hearth_wire::{
    envvars::{EnvvarCreate, EnvvarsScope},
    jobs::JobsQuery,
};

use super::images::provide_images;

/// The value of the secret, which must not be found outside of the container.
const SECRET_MARK: &str = "correct-horse-battery-staple";

#[tokio::test]
async fn secret_is_readable_only_inside_its_container() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let tool = operator.create_tool("hello").await?;
    let secret =
        EnvvarCreate { name: "MARKED".parse()?, value: Secret::new(SECRET_MARK), secret: Some(true) };
    let whole = EnvvarsScope::default();
    let made = operator.client.envvars().create(&tool, &secret, &whole).await?.content.envvar;
    assert!(made.secret && made.value.expose_secret().is_empty());

    // The program and a second process in the container print the value with shifted letters.
    let other = "echo \"$MARKED\" | tr a-y b-z";
    let shifted = SECRET_MARK.replace(|symbol: char| !symbol.is_ascii_alphabetic(), "-");
    let shifted: String = shifted
        .chars()
        .map(|symbol| if symbol == '-' { symbol } else { char::from(symbol as u8 + 1) })
        .collect();
    let run = ["jobs", "run", "bot", "--tool", "hello", "--image", "bookworm", "--continuous", "--command"];
    cli.run_successfully(&[&run[..], &[&format!("{other}; exec sleep 1000")]].concat()).await?;
    wait_until("the log has the shifted value", async || {
        let log = cli.run(&["jobs", "logs", "bot", "--tool", "hello"]).await?;
        Ok(log.out.contains(&shifted).then_some(()))
    })
    .await?;
    let beside = ["exec", "bot", "--tool", "hello", "--", "/bin/sh", "-c", other];
    assert!(cli.run_successfully(&beside).await?.contains(&shifted));
    check_text_is_nowhere(&hearth, SECRET_MARK)?;
    let files = find_text("MARKED", &[&hearth.runtime_state()])?;
    assert!(files.contains("helper.json"), "files of the workload were not searched: {files}");

    // The reply to a change names the jobs with the former value; `--restart` restarts them.
    let infos = operator.client.envvars().create(&tool, &secret, &whole).await?.messages.info;
    assert!(infos.iter().any(|sentence| sentence.contains("bot still runs")), "{infos:?}");
    assert!(
        cli.run_successfully(&["jobs", "show", "bot", "--tool", "hello"])
            .await?
            .contains("variables have changed")
    );
    cli.run_successfully(&["envvars", "delete", "MARKED", "--tool", "hello", "--yes", "--restart"]).await?;
    wait_until("the job runs without the variable", async || {
        let job = operator.client.jobs().show(&tool, &"bot".parse()?, &JobsQuery::default()).await?;
        Ok((job.status.up_to_date && !job.status.envvars_changed).then_some(()))
    })
    .await?;
    check_text_is_nowhere(&hearth, SECRET_MARK)?;
    hearth.stop().await
}

/// Searches for a secret in all files of this Hearth (databases, logs, workloads), and in the command line
/// and the environment of every process outside of containers.
pub fn check_text_is_nowhere(hearth: &Hearth, text: &str) -> Result<()> {
    let state = hearth.runtime_state();
    let folder = state.parent().and_then(Path::parent).ok_or_else(|| Error::internal("no folder"))?;
    let run = hearth.runtime_socket()?;
    let run = run.parent().ok_or_else(|| Error::internal("no folder"))?;
    assert_eq!(find_text(text, &[folder, run])?, "");
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let own = namespace("self").map_err(Error::internal)?;
    let mut searched = 0;
    for pid in fs::read_dir("/proc").map_err(Error::internal)?.flatten() {
        let pid = pid.file_name().to_string_lossy().into_owned();
        if namespace(&pid).is_ok_and(|namespace| namespace == own) {
            for file in ["cmdline", "environ"] {
                let shown = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                assert!(!String::from_utf8_lossy(&shown).contains(text), "{file} of {pid}");
            }
            searched += 1;
        }
    }
    assert!(searched > hearth.list_pids().len(), "too few processes were searched: {searched}");
    Ok(())
}

/// Returns the names of the files that contain this text.
fn find_text(text: &str, folders: &[&Path]) -> Result<String> {
    let mut grep = Command::new("grep");
    grep.args(["-r", "-l", "-a", "-F", "-D", "skip", "-e", text, "--"]).args(folders);
    let output = grep.output().map_err(Error::internal)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
