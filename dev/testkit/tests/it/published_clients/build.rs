//! `toolforge build`.

use hearth_base::Result;
use hearth_testkit::{GitServer, Hearth, Shape};
use serde_json::Value;

use super::Terminal;
use crate::whole::provide;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_flag_of_toolforge_build() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.place());
    let hearth = Hearth::start_with(Shape::UP, &allow).await?;
    provide(&hearth, &["builder", "python3.11"])?;
    let operator = hearth.operator().await?;
    let terminal = Terminal::open(&hearth, &operator, "hello").await?;
    git.commit("hello", &[("index.html", "hello")])?;
    type_every_command(&terminal, &git, &[])?;
    type_every_command(&terminal.with_newest_clients(), &git, &["--use-deprecated-versions"])?;
    hearth.stop().await
}

/// Types every command and flag of a release; `more_flags` of `start` are those that it alone has.
fn type_every_command(terminal: &Terminal, git: &GitServer, more_flags: &[&str]) -> Result<()> {
    let json = |words: &[&str]| serde_json::from_str::<Value>(&terminal.done(words)).unwrap();
    // It shows the log as it is written, to the end.
    let built = terminal.done(&["build", "start", &git.url("hello")]);
    assert!(built.contains("STEP 1/"), "{built}");
    let listed = terminal.done(&["build", "list"]);
    assert!(listed.contains("ok") && listed.contains(&git.url("hello")), "{listed}");
    let id = listed.split_whitespace().find(|word| word.starts_with("build_0")).unwrap().to_owned();
    let shown = terminal.done(&["build", "show", &id]);
    assert!(shown.contains("tool-hello/tool-hello:latest"), "{shown}");
    assert!(terminal.done(&["build", "logs", &id]).contains("STEP 1/"));
    assert!(terminal.done(&["build", "logs", "--follow"]).contains("STEP 1/"));
    assert_eq!(json(&["build", "show", "--json"])["build"]["build_id"], *id);
    assert_eq!(json(&["build", "list", "--json"])["builds"][0]["build_id"], *id);
    assert!(terminal.done(&["build", "quota"]).contains("Limit"));
    assert!(json(&["build", "quota", "--json"])["quota"]["categories"][0]["items"][0]["limit"].is_string());
    assert!(terminal.done(&["build", "--version"]).starts_with("Toolforge Builds CLI, version "));

    // Detached, and cancelled: it would never end by itself.
    let project = "[project]\nname = \"slow\"\nversion = \"1\"\n\
                   [build-system]\nrequires = []\nbuild-backend = \"slow\"\nbackend-path = [\".\"]\n";
    let commit =
        git.commit("slow", &[("pyproject.toml", project), ("slow.py", "import signal; signal.pause()")])?;
    let url = git.url("slow");
    let begin = ["build", "start", &url, "--detach", "--json", "--image-name", "other", "--ref", &commit];
    let begun = json(&[&begin[..], &["-e", "COLOUR=blue", "--use-latest-versions"], more_flags].concat());
    let second = begun["new_build"]["name"].as_str().unwrap();
    let shown = json(&["build", "show", second, "--json"])["build"].take();
    assert_eq!((shown["ref"].as_str(), shown["use_latest_versions"].as_bool()), (Some(&*commit), Some(true)));
    assert_eq!(shown["use_deprecated_versions"].as_bool().unwrap_or(false), !more_flags.is_empty());
    assert_eq!(shown["envvars"][0], "COLOUR=blue");
    assert_eq!(begun["new_build"]["parameters"]["image_name"], "other");
    // The client asks for nothing when it is told to cancel all.
    assert!(terminal.done(&["build", "cancel", "--all", "--yes-i-know"]).contains("Cancelled 0 builds"));
    assert!(terminal.done(&["build", "cancel", second, "--yes-i-know"]).contains("Cancelled 1 builds"));
    terminal.done(&["build", "delete", &id, "--yes-i-know"]);
    assert!(!terminal.done(&["build", "list"]).contains(&id));
    assert!(terminal.done(&["build", "delete", "--all", "--yes-i-know"]).contains("Deleted 1 builds"));
    let listed = terminal.toolforge(&["build", "list"]);
    // The newer release says so on standard error.
    let said = format!("{}{}", listed.out, listed.err);
    assert!(said.contains("No builds found"), "{said}");
    assert!(json(&["build", "clean", "--json", "--yes-i-know"])["messages"].is_object());

    // What cannot be read is refused at once.
    let refused = terminal.toolforge(&["build", "start", &git.url("nosuch")]);
    assert_ne!(refused.status, Some(0), "{}", refused.out);
    terminal.has_typed_all_of(&["build"]);
    Ok(())
}
