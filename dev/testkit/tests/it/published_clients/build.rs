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
    let oldest = BuildsRelease { start_flags: &[], wraps_replies: false };
    run_every_command(&terminal.with_oldest_builds_client(), &git, &oldest)?;
    let usual = BuildsRelease { start_flags: &["--use-latest-versions"], wraps_replies: true };
    run_every_command(&terminal, &git, &usual)?;
    let start_flags = &["--use-latest-versions", "--use-deprecated-versions"];
    let newest = BuildsRelease { start_flags, wraps_replies: true };
    run_every_command(&terminal.with_newest_clients(), &git, &newest)?;
    hearth.stop().await
}

/// A release of the client, as far as the releases differ.
struct BuildsRelease {
    /// Flags of `start` that not every release has.
    start_flags: &'static [&'static str],
    /// True when `--json` prints the whole reply: the builds beside the messages.
    wraps_replies: bool,
}

impl BuildsRelease {
    /// Parses the output of a command with `--json`. The oldest release, with the newest library that it accepts, prints
    /// messages before it.
    fn parse_document(&self, printed: &str) -> Value {
        let start = if self.wraps_replies { 0 } else { printed.find('{').unwrap_or_default() };
        serde_json::from_str(&printed[start..]).unwrap()
    }

    /// Takes a part out of a printed reply.
    fn take_part(&self, mut printed: Value, part: &str) -> Value {
        if self.wraps_replies { printed[part].take() } else { printed }
    }
}

/// Runs every command and flag of a release.
fn run_every_command(terminal: &Terminal, git: &GitServer, release: &BuildsRelease) -> Result<()> {
    let json = |words: &[&str]| release.parse_document(&terminal.run_successfully(words));
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
    assert_eq!(release.take_part(json(&["build", "show", "--json"]), "build")["build_id"], *id);
    // The oldest release prints one document for each build.
    let listed = release.take_part(json(&["build", "list", "--json"]), "builds");
    assert_eq!(listed.get(0).unwrap_or(&listed)["build_id"], *id);
    assert!(terminal.run_successfully(&["build", "quota"]).contains("Limit"));
    let quota = release.take_part(json(&["build", "quota", "--json"]), "quota");
    assert!(quota["categories"][0]["items"][0]["limit"].is_string(), "{quota}");
    assert!(terminal.run_successfully(&["build", "--version"]).starts_with("Toolforge Builds CLI, version "));

    // A detached build that does not end by itself is cancelled.
    let project = "[project]\nname = \"slow\"\nversion = \"1\"\n\
                   [build-system]\nrequires = []\nbuild-backend = \"slow\"\nbackend-path = [\".\"]\n";
    let commit = git
        .commit_files("slow", &[("pyproject.toml", project), ("slow.py", "import signal; signal.pause()")])?;
    let url = git.repository_url("slow");
    let start = ["build", "start", &url, "--detach", "--json", "--image-name", "other", "--ref", &commit];
    let started = json(&[&start[..], &["-e", "COLOUR=blue"], release.start_flags].concat());
    let started = release.take_part(started, "new_build");
    let second = started["name"].as_str().unwrap();
    let shown = release.take_part(json(&["build", "show", second, "--json"]), "build");
    assert_eq!(shown["ref"].as_str(), Some(&*commit));
    for (flag, field) in [
        ("--use-latest-versions", "use_latest_versions"),
        ("--use-deprecated-versions", "use_deprecated_versions"),
    ] {
        let is_used = release.start_flags.contains(&flag);
        assert_eq!(shown[field].as_bool().unwrap_or(false), is_used, "{flag}");
    }
    assert_eq!(shown["envvars"][0], "COLOUR=blue");
    assert_eq!(started["parameters"]["image_name"], "other");
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
