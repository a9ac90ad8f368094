//! Deployments of a private repository with a private submodule. The secrets reach git, and nothing else.
//!
//! Its Git LFS objects are in the tests of the fetch step: git-lfs uses no proxy for a server on the loopback interface.

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, GitServer, Hearth, HearthShape};
use serde_json::json;

use super::{Visitor, images::provide_images, secrets::check_text_is_nowhere};

/// The token for the source.
const SOURCE_TOKEN: &str = "token-of-source-7c0b5e8f";
/// The token for its submodule.
const LIBRARY_TOKEN: &str = "token-of-library-4a19d2e6";

/// A server whose pages are the texts of the source, and a build that prints its environment.
fn commit_source(git: &GitServer) -> Result<()> {
    let server = r#"const fs = require("fs");
        const page = fs.readFileSync("lib/page.txt", "utf8");
        require("http").createServer((_, answer) => answer.end(page)).listen(process.env.PORT, "0.0.0.0");
        process.on("SIGTERM", () => process.exit(0));"#;
    let print = "echo environment of the step; env; cat /proc/1/environ /proc/self/environ || true; \
                 find / -name 'source-cred*' 2>/dev/null || true";
    let package = json!({ "name": "app", "scripts": { "build": print } }).to_string();
    git.commit_files("library.git", &[("page.txt", "of the library")])?;
    git.commit_files(
        "app.git",
        &[("server.js", server), ("package.json", &package), ("Procfile", "web: node server.js\n")],
    )?;
    let library = git.repository_folder("library.git").display().to_string();
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &library, "lib"];
    git.run_git("app.git", &add)?;
    git.run_git("app.git", &["config", "-f", ".gitmodules", "submodule.lib.url", "../library.git"])?;
    git.commit_files("app.git", &[])?;
    git.access().require_credential("app", "oauth2", SOURCE_TOKEN);
    git.access().require_credential("library", "reader", LIBRARY_TOKEN);
    Ok(())
}

async fn set_credential(cli: &CliSession, words: &[&str], token: &str) -> Result<()> {
    let words = [&["build", "credentials", "set", "--tool", "site"][..], words].concat();
    let set = cli.run_with_input(&words, &format!("{token}\n")).await?;
    assert!(set.status == Some(0) && !format!("{set:?}").contains(token), "{set:?}");
    Ok(())
}

/// Deploys, expects a failure, and returns the output.
async fn deploy_and_fail(cli: &CliSession, url: &str) -> Result<String> {
    let printed = cli.run(&["deploy", url, "--tool", "site"]).await?;
    match printed.status {
        Some(1) => Ok(format!("{}\n{}", printed.out, printed.err)),
        _ => Err(Error::internal(format!("{printed:?}"))),
    }
}

#[tokio::test]
async fn private_repository_is_deployed_and_its_secrets_are_nowhere() -> Result<()> {
    let git = GitServer::start().await?;
    commit_source(&git)?;
    let config = format!("[outbound]\nallow = [\"{}\"]", git.address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    provide_images(&hearth, &["builder", "node18", "node18-slim"])?;
    let cli = hearth.operator().await?.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "site"]).await?;
    let (url, library) = (git.repository_url("app.git"), git.repository_url("library"));

    let refused = deploy_and_fail(&cli, &url).await?;
    assert!(refused.contains("build credentials set"), "{refused}");
    set_credential(&cli, &[&url], SOURCE_TOKEN).await?;
    let refused = deploy_and_fail(&cli, &url).await?;
    assert!(refused.contains("The submodule lib could not be fetched"), "{refused}");
    assert!(refused.contains("build credentials set"), "{refused}");
    set_credential(&cli, &[&library, "--username", "reader"], LIBRARY_TOKEN).await?;
    cli.run_successfully(&["deploy", &url, "--tool", "site"]).await?;
    let (_, page) = Visitor::for_url(hearth.url())?.visit_page("site").await?;
    assert_eq!(page, "of the library");

    let log = cli.run_successfully(&["build", "logs", "--tool", "site"]).await?;
    assert!(log.contains("environment of the step") && log.contains("PATH="), "{log}");
    assert!(!log.contains("source-credential"), "{log}");
    let listed = cli.run_successfully(&["build", "credentials", "list", "--tool", "site", "--json"]).await?;
    assert!(listed.contains("last_used"), "{listed}");
    for token in [SOURCE_TOKEN, LIBRARY_TOKEN] {
        assert!(!log.contains(token) && !listed.contains(token), "{log}\n{listed}");
        check_text_is_nowhere(&hearth, token)?;
        let search = format!(
            "grep -rlF -e {token} --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev / 2>/dev/null; echo searched"
        );
        let found = cli.run_successfully(&["exec", "--tool", "site", "--", "sh", "-c", &search]).await?;
        assert_eq!(found.trim(), "searched");
    }

    let words = ["build", "credentials", "delete", &url, "--tool", "site", "--yes"];
    cli.run_successfully(&words).await?;
    let refused = deploy_and_fail(&cli, &url).await?;
    assert!(refused.contains("build credentials set"), "{refused}");
    hearth.stop().await
}
