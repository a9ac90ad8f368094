//! The script of the fetch step with private repositories, whose credentials git gets by helpers.

use std::fs;

use hearth_base::{Error, Result};
use hearth_testkit::GitServer;

use crate::fetch_script::{
    FETCH_FAILED_STATUS, Fetched, LFS_ATTRIBUTES, MAX_SOURCE_BYTES, add_submodule, run_script_with_env,
};

const FORGE_USERNAME: &str = "oauth2";
const FORGE_SECRET: &str = "very-secret-token";

/// Fetches a commit of `address`, with a credential for each of these addresses, as `source_credentials.rs` renders them.
async fn fetch_with_credentials(address: &str, commit: &str, private: &[String]) -> Result<Fetched> {
    let files = tempfile::tempdir().map_err(Error::internal)?;
    let (config, answer) = (files.path().join("config"), files.path().join("answer"));
    fs::write(&answer, format!("username={FORGE_USERNAME}\npassword={FORGE_SECRET}\n"))
        .map_err(Error::internal)?;
    let mut text = "[credential]\n\tuseHttpPath = true\n".to_owned();
    for address in private.iter().flat_map(|address| [address.clone(), format!("{address}.git")]) {
        text.push_str(&format!(
            "[credential \"{address}\"]\n\thelper = \"!f() {{ cat {}; }}; f\"\n[http \"{address}\"]\n\t\
             followRedirects = false\n",
            answer.display()
        ));
    }
    fs::write(&config, text).map_err(Error::internal)?;
    let config = config.display().to_string();
    let variables = [
        ("GIT_ASKPASS", "/bin/false"),
        ("GIT_CONFIG_COUNT", "3"),
        ("GIT_CONFIG_KEY_0", "http.followRedirects"),
        ("GIT_CONFIG_VALUE_0", "initial"),
        ("GIT_CONFIG_KEY_1", "credential.helper"),
        ("GIT_CONFIG_VALUE_1", ""),
        ("GIT_CONFIG_KEY_2", "include.path"),
        ("GIT_CONFIG_VALUE_2", &config),
    ];
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    run_script_with_env(address, commit, folder, MAX_SOURCE_BYTES, &variables).await
}

#[tokio::test]
async fn submodules_and_lfs_objects_of_private_repositories_are_fetched() -> Result<()> {
    let git = GitServer::start().await?;
    let big = git.store_lfs_object(&[1; 100_000]);
    git.commit_files("lib", &[LFS_ATTRIBUTES, ("big.bin", &big)])?;
    git.commit_files("main", &[LFS_ATTRIBUTES, ("main.bin", &big), ("Procfile", "web: x\n")])?;
    let commit = add_submodule(&git, "main", "lib", "lib", "../lib")?;
    for name in ["main", "lib"] {
        git.access().require_credential(name, FORGE_USERNAME, FORGE_SECRET);
    }
    let (main, lib) = (git.repository_url("main"), git.repository_url("lib"));
    let fetched = fetch_with_credentials(&main, &commit, &[main.clone(), lib]).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);
    assert!(fetched.has_file("main.bin") && fetched.has_file("lib/big.bin"), "{}", fetched.output);
    assert!(!fetched.output.contains(FORGE_SECRET), "{}", fetched.output);

    let refused = fetch_with_credentials(&main, &commit, std::slice::from_ref(&main)).await?;
    assert_eq!(refused.status, Some(FETCH_FAILED_STATUS), "{}", refused.output);
    assert!(refused.output.contains("The submodule lib could not be fetched"), "{}", refused.output);
    Ok(())
}

#[tokio::test]
async fn credential_follows_no_redirect_but_that_to_the_name_with_git() -> Result<()> {
    let (git, other) = (GitServer::start().await?, GitServer::start().await?);
    let commit = git.commit_files("main.git", &[("Procfile", "web: x\n")])?;
    other.commit_files("main", &[("Procfile", "web: x\n")])?;
    git.access().require_credential("main", FORGE_USERNAME, FORGE_SECRET);
    git.access().move_repository("main", "main.git");
    let address = git.repository_url("main");
    let fetched = fetch_with_credentials(&address, &commit, std::slice::from_ref(&address)).await?;
    assert_eq!(fetched.status, Some(0), "{}", fetched.output);

    git.redirect_to(&other.repository_url("main/info/refs?service=git-upload-pack"));
    let refused = fetch_with_credentials(&address, &commit, std::slice::from_ref(&address)).await?;
    assert_eq!(refused.status, Some(FETCH_FAILED_STATUS), "{}", refused.output);
    assert!(other.access().list_authorized_paths().is_empty());
    Ok(())
}

#[tokio::test]
async fn settings_of_a_source_send_no_credential_to_another_server() -> Result<()> {
    let (git, other) = (GitServer::start().await?, GitServer::start().await?);
    let pointer = git.store_lfs_object(&[1; 100_000]);
    other.commit_files("trap", &[("page", "x")])?;
    let lfs = format!("[lfs]\n\turl = {}.git/info/lfs\n", other.repository_url("trap"));
    let files = [LFS_ATTRIBUTES, ("main.bin", &pointer), (".lfsconfig", &lfs)];
    let commit = git.commit_files("main", &files)?;
    git.access().require_credential("main", FORGE_USERNAME, FORGE_SECRET);
    other.access().require_credential("trap", FORGE_USERNAME, FORGE_SECRET);
    let address = git.repository_url("main");
    let refused = fetch_with_credentials(&address, &commit, std::slice::from_ref(&address)).await?;
    assert_eq!(refused.status, Some(FETCH_FAILED_STATUS), "{}", refused.output);
    assert!(other.access().list_authorized_paths().is_empty(), "{}", refused.output);
    Ok(())
}
