//! Credentials of the fetch step for private repositories.
//!
//! They reach git and Git LFS by a credential helper (`gitcredentials(7)`) for each address, so that no other address gets
//! them, and no secret is in an argument, in the environment or in a URL. The files lie in the memory of the fetch step only.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_runtime_api::Process;
use hearth_wire::builds::internal::LeaseSourceCredential;

use super::process::add_git_setting;

/// Folder of the supplied files in the fetch step. `git.sh` deletes those of credentials after the fetch.
const SUPPLIED_FILES_FOLDER: &str = "/tmp/in";
/// Name of the file with git's settings.
const CONFIG_NAME: &str = "source-credentials.config";
/// Shortest secret that is replaced in the log: a shorter one protects nothing, and replacing it would show it.
const MIN_REDACTED_CHARS: usize = 4;
/// Text that replaces a secret in the log.
const REDACTED_TEXT: &str = "***";

/// Lets git of the fetch step read the settings that [`render_files`] supplies. Without the file, git ignores the setting.
pub fn let_git_read_credentials(process: &mut Process) {
    add_git_setting(process, "include.path", &format!("{SUPPLIED_FILES_FOLDER}/{CONFIG_NAME}"));
}

/// Renders the files for the fetch step, by name: settings of git, and for each credential an answer of its helper.
pub fn render_files(credentials: &[LeaseSourceCredential]) -> Vec<(String, Vec<u8>)> {
    if credentials.is_empty() {
        return Vec::new();
    }
    let config = render_config(credentials, SUPPLIED_FILES_FOLDER);
    let answers = credentials.iter().enumerate().map(|(index, credential)| {
        let LeaseSourceCredential { address: _, username, secret } = credential;
        let answer = format!("username={username}\npassword={}\n", secret.expose_secret());
        (format_answer_name(index), answer.into_bytes())
    });
    std::iter::once((CONFIG_NAME.to_owned(), config.into_bytes())).chain(answers).collect()
}

fn format_answer_name(index: usize) -> String {
    format!("source-credential-{index}")
}

/// Renders git's settings. The helper of the most exact address comes first, and git asks it first. Git compares the segments
/// of a path whole, so that each address has a second form with `.git`. A redirect of the server is not followed.
fn render_config(credentials: &[LeaseSourceCredential], folder: &str) -> String {
    let mut config = "[credential]\n\tuseHttpPath = true\n".to_owned();
    for (index, credential) in credentials.iter().enumerate() {
        let answer = format_answer_name(index);
        for suffix in ["", ".git"] {
            let address = format!("{}{suffix}", credential.address);
            config.push_str(&format!(
                "[credential \"{address}\"]\n\thelper = \"!f() {{ if [ \\\"$1\\\" = get ]; then cat {folder}/{answer}; \
                 fi; }}; f\"\n[http \"{address}\"]\n\tfollowRedirects = false\n"
            ));
        }
    }
    config
}

/// Replaces secrets in a line of output: a server may repeat what was sent to it. Secrets that a line holds in another form
/// than that of the request are not found.
pub fn redact_secrets(credentials: &[LeaseSourceCredential], text: &mut String) {
    for LeaseSourceCredential { address: _, username, secret } in credentials {
        let secret = secret.expose_secret();
        if secret.chars().count() < MIN_REDACTED_CHARS {
            continue;
        }
        for form in [secret.to_owned(), BASE64_STANDARD.encode(format!("{username}:{secret}"))] {
            if text.contains(&form) {
                *text = text.replace(&form, REDACTED_TEXT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write,
        process::{Command, Stdio},
    };

    use hearth_base::Secret;

    use super::*;

    fn build_credential(address: &str, secret: &str) -> LeaseSourceCredential {
        LeaseSourceCredential {
            address: address.to_owned(),
            username: "oauth2".to_owned(),
            secret: Secret::new(secret),
        }
    }

    /// Asks git for the password of a URL, with the files of `credentials`. Returns its answer.
    fn ask_git(credentials: &[LeaseSourceCredential], url: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in render_files(credentials) {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let config = render_config(credentials, &folder.path().display().to_string());
        fs::write(folder.path().join(CONFIG_NAME), config).unwrap();
        let mut child = Command::new("git")
            .args(["credential", "fill"])
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "/bin/false")
            .env("GIT_CONFIG_COUNT", "2")
            .env("GIT_CONFIG_KEY_0", "credential.helper")
            .env("GIT_CONFIG_VALUE_0", "")
            .env("GIT_CONFIG_KEY_1", "include.path")
            .env("GIT_CONFIG_VALUE_1", folder.path().join(CONFIG_NAME))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("url={url}\n\n").as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn git_sends_a_credential_to_its_address_only() {
        let credentials = [
            build_credential("https://code.example/ada/secret", "of-secret"),
            build_credential("https://code.example/ada", "of-ada"),
        ];
        for (url, secret) in [
            ("https://code.example/ada/secret", "of-secret"),
            ("https://code.example/ada/secret.git", "of-secret"),
            ("https://code.example/ada/secret.git/info/lfs", "of-secret"),
            ("https://code.example/ada/library", "of-ada"),
            ("https://CODE.example:443/ada/library.git", "of-ada"),
        ] {
            let answer = ask_git(&credentials, url);
            assert!(answer.contains(&format!("password={secret}\n")), "{url}: {answer}");
            assert!(answer.contains("username=oauth2\n"), "{url}: {answer}");
        }
        for url in [
            "https://code.example/adam/secret",
            "https://code.example/bob/secret",
            "https://code.example/",
            "https://code.example/ada/../bob/secret",
            "https://code.example/ada/%2e%2e/bob/secret",
            "https://code.example/ada/%2e%2e%2fbob/secret",
            "http://code.example/ada/secret",
            "https://code.example:8443/ada/secret",
            "https://evil.example/ada/secret",
            "https://code.example.evil.example/ada/secret",
        ] {
            let answer = ask_git(&credentials, url);
            assert!(!answer.contains("password="), "{url}: {answer}");
        }
    }

    #[test]
    fn secrets_are_replaced_in_output_in_the_forms_of_requests() {
        let credentials = [build_credential("https://code.example/ada", "hunter2")];
        let mut text = "remote: hunter2, and b2F1dGgyOmh1bnRlcjI= again: hunter2".to_owned();
        redact_secrets(&credentials, &mut text);
        assert_eq!(text, "remote: ***, and *** again: ***");
        let mut other = "a line".to_owned();
        redact_secrets(&[build_credential("https://code.example/ada", "a")], &mut other);
        assert_eq!(other, "a line");
    }

    #[test]
    fn settings_of_git_have_no_secret() {
        let files = render_files(&[build_credential("https://code.example/ada", "hunter2")]);
        let named: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, [CONFIG_NAME, "source-credential-0"]);
        assert!(!String::from_utf8_lossy(&files[0].1).contains("hunter2"));
        assert!(render_files(&[]).is_empty());
    }
}
