//! Failed deployments: the error explains the cause, and the earlier version keeps running.

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, GitServer, Hearth, HearthShape};
use serde_json::json;

use super::{Visitor, images::provide_images};

/// Returns the files of a web tool that listens at `host`, serves `page` and has the build script `build`.
fn build_tool_files(host: &str, page: &str, build: &str) -> [(&'static str, String); 3] {
    let server = format!(
        r#"require("http").createServer((_, answer) => answer.end("{page}")).listen(process.env.PORT, "{host}");
process.on("SIGTERM", () => process.exit(0));"#
    );
    let package = json!({ "name": "app", "scripts": { "build": build } });
    let procfile = "web: node server.js".to_owned();
    [("server.js", server), ("package.json", package.to_string()), ("Procfile", procfile)]
}

/// A maintainer of the tool `site`, whose source is in a repository.
struct SourceMaintainer<'a> {
    git: &'a GitServer,
    cli: CliSession,
}

impl SourceMaintainer<'_> {
    fn commit_files(&self, files: &[(&str, String)]) -> Result<()> {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.git.commit_files("app.git", &files).map(drop)
    }

    async fn deploy_successfully(&self) -> Result<String> {
        self.cli.run_successfully(&["deploy", &self.git.repository_url("app.git"), "--tool", "site"]).await
    }

    /// Deploys, expects a failure, and returns the message.
    async fn deploy_and_fail(&self) -> Result<String> {
        let printed =
            self.cli.run(&["deploy", &self.git.repository_url("app.git"), "--tool", "site"]).await?;
        match printed.status {
            Some(1) => Ok(format!("{}\n{}", printed.out, printed.err)),
            _ => Err(Error::internal(format!("{printed:?}"))),
        }
    }
}

#[tokio::test]
async fn failed_deployments_are_explained_and_leave_the_page_running() -> Result<()> {
    let git = GitServer::start().await?;
    let config = format!("[outbound]\nallow = [\"{}\"]\n[components]\nstart_timeout = 30", git.address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    provide_images(&hearth, &["builder", "node18"])?;
    let operator = hearth.operator().await?;
    let maintainer = SourceMaintainer { git: &git, cli: operator.open_cli_session(&hearth).await? };
    let visitor = Visitor::for_url(hearth.url())?;

    maintainer.commit_files(&build_tool_files("0.0.0.0", "first", "true"))?;
    maintainer.cli.run_successfully(&["deploy", &git.repository_url("app.git"), "--new", "site"]).await?;
    assert_eq!(visitor.visit_page("site").await?.1, "first");

    // A failed build shows its error.
    maintainer.commit_files(&build_tool_files("0.0.0.0", "second", "echo what is missing; exit 3"))?;
    let message = maintainer.deploy_and_fail().await?;
    assert!(message.contains("what is missing") && message.contains("--tool site build logs"), "{message}");
    assert_eq!(visitor.visit_page("site").await?.1, "first");

    // The tool listens on the loopback interface only.
    maintainer.commit_files(&build_tool_files("127.0.0.1", "second", "true"))?;
    let message = maintainer.deploy_and_fail().await?;
    assert!(message.contains("listen on 0.0.0.0, port 8000"), "{message}");
    assert_eq!(visitor.visit_page("site").await?.1, "first");

    // The tool exits at once.
    let [_, package, procfile] = build_tool_files("0.0.0.0", "second", "true");
    let server = ("server.js", "console.log('no such table'); process.exit(7)".to_owned());
    maintainer.commit_files(&[server, package, procfile])?;
    let message = maintainer.deploy_and_fail().await?;
    assert!(message.contains("it ended with status 7") && message.contains("no such table"), "{message}");
    assert_eq!(visitor.visit_page("site").await?.1, "first");

    // The log of a build with too much output is truncated, and the build continues.
    maintainer.commit_files(&build_tool_files(
        "0.0.0.0",
        "second",
        "yes 'a line of a flood' | head -c 20000000",
    ))?;
    maintainer.deploy_successfully().await?;
    assert_eq!(visitor.visit_page("site").await?.1, "second");

    // An unreachable registry is named.
    maintainer.commit_files(&[("Containerfile", "FROM registry.invalid/nothing:1\n".to_owned())])?;
    let message = maintainer.deploy_and_fail().await?;
    assert!(message.contains("registry.invalid") && message.contains("--tool site build logs"), "{message}");
    assert_eq!(visitor.visit_page("site").await?.1, "second");

    // A missing repository is refused before the deployment starts.
    let words = ["deploy", &git.repository_url("nosuch.git"), "--tool", "site"];
    let printed = maintainer.cli.run(&words).await?;
    assert!(
        printed.status == Some(1) && printed.err.contains("there is no public repository"),
        "{printed:?}"
    );
    assert_eq!(visitor.visit_page("site").await?.1, "second");
    hearth.stop().await
}
