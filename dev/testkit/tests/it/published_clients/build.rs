//! `toolforge build`.

use hearth_base::Result;
use hearth_testkit::{GitServer, Hearth, Shape};

use super::Terminal;
use crate::whole::provide;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_toolforge_build() -> Result<()> {
    let git = GitServer::start().await?;
    let allow = format!("[outbound]\nallow = [\"{}\"]", git.place());
    let hearth = Hearth::start_with(Shape::UP, &allow).await?;
    provide(&hearth, &["builder", "python3.11"])?;
    let operator = hearth.operator().await?;
    let terminal = Terminal::open(&hearth, &operator, "hello").await?;
    git.commit("hello", &[("index.html", "hello")])?;

    // It shows the log as it is written, to the end.
    let built = terminal.done(&["build", "start", &git.url("hello")]);
    assert!(built.contains("STEP 1/"), "{built}");
    let listed = terminal.done(&["build", "list"]);
    assert!(listed.contains("ok") && listed.contains(&git.url("hello")), "{listed}");
    let id = listed.split_whitespace().find(|word| word.starts_with("build_0")).unwrap().to_owned();
    let shown = terminal.done(&["build", "show", &id]);
    assert!(shown.contains("tool-hello/tool-hello:latest"), "{shown}");
    assert!(terminal.done(&["build", "logs", &id]).contains("STEP 1/"));
    assert!(terminal.done(&["build", "show", "--json"]).contains(&id));
    terminal.done(&["build", "quota"]);

    // Detached, and cancelled: it would never end by itself.
    let project = "[project]\nname = \"slow\"\nversion = \"1\"\n\
                   [build-system]\nrequires = []\nbuild-backend = \"slow\"\nbackend-path = [\".\"]\n";
    git.commit("slow", &[("pyproject.toml", project), ("slow.py", "import signal; signal.pause()")])?;
    terminal.done(&["build", "start", &git.url("slow"), "--detach", "--image-name", "other"]);
    let listed = terminal.done(&["build", "list"]);
    let second = listed.split_whitespace().find(|word| word.starts_with("build_0") && **word != id).unwrap();
    terminal.done(&["build", "cancel", second, "--yes-i-know"]);
    terminal.done(&["build", "delete", &id, "--yes-i-know"]);
    assert!(!terminal.done(&["build", "list"]).contains(&id));
    terminal.done(&["build", "clean", "--yes-i-know"]);

    // What cannot be read is refused at once.
    let refused = terminal.toolforge(&["build", "start", &git.url("nosuch")]);
    assert_ne!(refused.status, Some(0), "{}", refused.out);
    hearth.stop().await
}
