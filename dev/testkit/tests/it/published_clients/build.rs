//! `toolforge build`.

use hearth_base::Result;
use hearth_testkit::{CommandOutput, GitServer, Hearth, HearthShape};
use serde_json::Value;

use super::Terminal;
use crate::end_to_end::provide_images;

/// The attempts to delete a cancelled build, of half a second each.
const MAX_DELETE_ATTEMPTS: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_flag_of_toolforge_build() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &allow).await?;
    provide_images(&hearth, &["builder", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let terminal = Terminal::open(&hearth, &operator, "hello").await?;
    git.commit_files("hello", &[("index.html", "hello")])?;
    run_every_command(&terminal, &git, &[])?;
    run_every_command(&terminal.with_newest_clients(), &git, &["--use-deprecated-versions"])?;
    hearth.stop().await
}

/// Runs every command and flag of a release. `more_flags` are flags of `start` that only this release has.
fn run_every_command(terminal: &Terminal, git: &GitServer, more_flags: &[&str]) -> Result<()> {
    let json = |words: &[&str]| serde_json::from_str::<Value>(&terminal.run_successfully(words)).unwrap();
    // `start` follows the log to the end.
    let built = terminal.run_successfully(&["build", "start", &git.repository_url("hello")]);
    assert!(built.contains("STEP 1/"), "{built}");
    let listed = terminal.run_successfully(&["build", "list"]);
    assert!(listed.contains("ok") && listed.contains(&git.repository_url("hello")), "{listed}");
    let id = listed.split_whitespace().find(|word| word.starts_with("build_0")).unwrap().to_owned();
    let shown = terminal.run_successfully(&["build", "show", &id]);
    assert!(shown.contains("tool-hello/tool-hello:latest"), "{shown}");
    assert!(terminal.run_successfully(&["build", "logs", &id]).contains("STEP 1/"));
    assert!(terminal.run_successfully(&["build", "logs", "--follow"]).contains("STEP 1/"));
    assert_eq!(json(&["build", "show", "--json"])["build"]["build_id"], *id);
    assert_eq!(json(&["build", "list", "--json"])["builds"][0]["build_id"], *id);
    assert!(terminal.run_successfully(&["build", "quota"]).contains("Limit"));
    assert!(json(&["build", "quota", "--json"])["quota"]["categories"][0]["items"][0]["limit"].is_string());
    assert!(terminal.run_successfully(&["build", "--version"]).starts_with("Toolforge Builds CLI, version "));

    // A detached build that does not end by itself is cancelled.
    let project = "[project]\nname = \"slow\"\nversion = \"1\"\n\
                   [build-system]\nrequires = []\nbuild-backend = \"slow\"\nbackend-path = [\".\"]\n";
    let commit = git
        .commit_files("slow", &[("pyproject.toml", project), ("slow.py", "import signal; signal.pause()")])?;
    let url = git.repository_url("slow");
    let start = ["build", "start", &url, "--detach", "--json", "--image-name", "other", "--ref", &commit];
    let started = json(&[&start[..], &["-e", "COLOUR=blue", "--use-latest-versions"], more_flags].concat());
    let second = started["new_build"]["name"].as_str().unwrap();
    let shown = json(&["build", "show", second, "--json"])["build"].take();
    assert_eq!((shown["ref"].as_str(), shown["use_latest_versions"].as_bool()), (Some(&*commit), Some(true)));
    assert_eq!(shown["use_deprecated_versions"].as_bool().unwrap_or(false), !more_flags.is_empty());
    assert_eq!(shown["envvars"][0], "COLOUR=blue");
    assert_eq!(started["new_build"]["parameters"]["image_name"], "other");
    // With `--all` the client sends no request.
    assert!(
        terminal
            .run_successfully(&["build", "cancel", "--all", "--yes-i-know"])
            .contains("Cancelled 0 builds")
    );
    assert!(
        terminal
            .run_successfully(&["build", "cancel", second, "--yes-i-know"])
            .contains("Cancelled 1 builds")
    );
    terminal.run_successfully(&["build", "delete", &id, "--yes-i-know"]);
    assert!(!terminal.run_successfully(&["build", "list"]).contains(&id));
    // Hearth refuses to delete the cancelled build until its builder has stopped.
    let delete_all = || terminal.run_toolforge(&["build", "delete", "--all", "--yes-i-know"]);
    let is_accepted = |output: &CommandOutput| {
        ![&output.out, &output.err].iter().any(|text| text.contains("is still being stopped"))
    };
    let deleted = std::iter::repeat_with(delete_all).take(MAX_DELETE_ATTEMPTS).find(is_accepted).unwrap();
    assert!(deleted.out.contains("Deleted 1 builds"), "{}{}", deleted.out, deleted.err);
    let listed = terminal.run_toolforge(&["build", "list"]);
    // The newer release prints this on standard error.
    let printed = format!("{}{}", listed.out, listed.err);
    assert!(printed.contains("No builds found"), "{printed}");
    assert!(json(&["build", "clean", "--json", "--yes-i-know"])["messages"].is_object());

    // A source that cannot be read is refused at once.
    let refused = terminal.run_toolforge(&["build", "start", &git.repository_url("nosuch")]);
    assert_ne!(refused.status, Some(0), "{}", refused.out);
    terminal.check_all_options_used(&["build"]);
    Ok(())
}
