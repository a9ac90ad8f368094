//! What does not work is told in words that help, and what worked before goes on.

use hearth_base::{Error, Result};
use hearth_testkit::{GitServer, Hearth, Keyboard, Shape};
use serde_json::json;

use super::{Visitor, images::provide};

/// A web tool that listens at `host` and says `page`, built by `build`.
fn tool(host: &str, page: &str, build: &str) -> [(&'static str, String); 3] {
    let server = format!(
        r#"require("http").createServer((_, answer) => answer.end("{page}")).listen(process.env.PORT, "{host}");
process.on("SIGTERM", () => process.exit(0));"#
    );
    let package = json!({ "name": "app", "scripts": { "build": build } });
    let procfile = "web: node server.js".to_owned();
    [("server.js", server), ("package.json", package.to_string()), ("Procfile", procfile)]
}

/// The maintainer of one tool, who has its source in a repository.
struct Maintainer<'a> {
    git: &'a GitServer,
    keyboard: Keyboard,
}

impl Maintainer<'_> {
    fn commits(&self, files: &[(&str, String)]) -> Result<()> {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.git.commit("app.git", &files).map(drop)
    }

    async fn deploys(&self) -> Result<String> {
        self.keyboard.done(&["deploy", &self.git.url("app.git"), "--tool", "site"]).await
    }

    /// What is told of a deployment that does not work out.
    async fn fails(&self) -> Result<String> {
        let printed = self.keyboard.types(&["deploy", &self.git.url("app.git"), "--tool", "site"]).await?;
        match printed.status {
            Some(1) => Ok(format!("{}\n{}", printed.out, printed.err)),
            _ => Err(Error::internal(format!("{printed:?}"))),
        }
    }
}

#[tokio::test]
async fn what_fails_is_told_and_what_worked_before_goes_on() -> Result<()> {
    let git = GitServer::start().await?;
    let config = format!("[outbound]\nallow = [\"{}\"]\n[components]\nstart_timeout = 30", git.place());
    let hearth = Hearth::start_with(Shape::UP, &config).await?;
    provide(&hearth, &["builder", "node18"])?;
    let operator = hearth.operator().await?;
    let maintainer = Maintainer { git: &git, keyboard: operator.keyboard(&hearth).await? };
    let visitor = Visitor::at(hearth.url())?;

    maintainer.commits(&tool("0.0.0.0", "first", "true"))?;
    maintainer.keyboard.done(&["deploy", &git.url("app.git"), "--new", "site"]).await?;
    assert_eq!(visitor.visits("site").await?.1, "first");

    // A build that fails shows why.
    maintainer.commits(&tool("0.0.0.0", "second", "echo what is missing; exit 3"))?;
    let told = maintainer.fails().await?;
    assert!(told.contains("what is missing") && told.contains("hearth build logs"), "{told}");
    assert_eq!(visitor.visits("site").await?.1, "first");

    // A tool that nobody reaches from outside its container.
    maintainer.commits(&tool("127.0.0.1", "second", "true"))?;
    let told = maintainer.fails().await?;
    assert!(told.contains("listen on 0.0.0.0, port 8000"), "{told}");
    assert_eq!(visitor.visits("site").await?.1, "first");

    // A tool that ends at once.
    let [_, package, procfile] = tool("0.0.0.0", "second", "true");
    let server = ("server.js", "console.log('no such table'); process.exit(7)".to_owned());
    maintainer.commits(&[server, package, procfile])?;
    let told = maintainer.fails().await?;
    assert!(told.contains("it ended with status 7: no such table"), "{told}");
    assert_eq!(visitor.visits("site").await?.1, "first");

    // A build that writes without end is cut, and goes on.
    maintainer.commits(&tool("0.0.0.0", "second", "yes 'a line of a flood' | head -c 20000000"))?;
    maintainer.deploys().await?;
    assert_eq!(visitor.visits("site").await?.1, "second");

    // A registry that cannot be reached is named.
    maintainer.commits(&[("Containerfile", "FROM registry.invalid/nothing:1\n".to_owned())])?;
    let told = maintainer.fails().await?;
    assert!(told.contains("registry.invalid") && told.contains("hearth build logs"), "{told}");
    assert_eq!(visitor.visits("site").await?.1, "second");

    // What is no repository is refused before anything begins.
    let words = ["deploy", &git.url("nosuch.git"), "--tool", "site"];
    let printed = maintainer.keyboard.types(&words).await?;
    assert!(
        printed.status == Some(1) && printed.err.contains("there is no public repository"),
        "{printed:?}"
    );
    assert_eq!(visitor.visits("site").await?.1, "second");
    hearth.stop().await
}
