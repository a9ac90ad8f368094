//! `hearth build credentials …`.

use crate::{fake_server::PreparedAnswers, home::Home};

const CREDENTIAL_JSON: &str = r#"{"id": "credential_00000000000000000000000001",
    "address": "https://git.example.org/ada/secret", "username": "oauth2", "created": "2026-01-02T03:04:05Z"}"#;

const REFUSED_JSON: &str = r#"{"id": "credential_00000000000000000000000002",
    "address": "https://github.com/ada", "username": "x-access-token", "created": "2026-01-02T03:04:05Z",
    "last_used": "2026-01-02T03:04:06Z", "last_refusal": {"at": "2026-01-03T03:04:06Z", "status": 401}}"#;

fn build_home(credentials: &str) -> Home {
    let path = "/builds/v1/tool/dup-finder/source-credentials";
    Home::linked_to_tool(PreparedAnswers::from([
        (
            &*format!("GET {path}"),
            (200, format!(r#"{{"source_credentials": [{credentials}], "messages": {{}}}}"#)),
        ),
        (
            &*format!("PUT {path}"),
            (200, format!(r#"{{"source_credential": {CREDENTIAL_JSON}, "messages": {{}}}}"#)),
        ),
        (
            &*format!("DELETE {path}/credential_00000000000000000000000001"),
            (200, r#"{"messages": {}}"#.to_owned()),
        ),
    ]))
}

#[test]
fn credentials_are_listed_with_the_last_refusal() {
    let both = format!("{CREDENTIAL_JSON}, {REFUSED_JSON}");
    insta::assert_snapshot!(build_home(&both).run_to_transcript(&["build", "credentials", "list"]), @"
    out| https://git.example.org/ada/secret	oauth2	2026-01-02T03:04:05Z	-	-
    out| https://github.com/ada	x-access-token	2026-01-02T03:04:05Z	2026-01-02T03:04:06Z	2026-01-03T03:04:06Z
    err| The server refused the credential for https://github.com/ada on 2026-01-03 (status 401).
    err| next:  hearth build credentials set https://github.com/ada
    ends with 0
    ");
    insta::assert_snapshot!(build_home("").run_to_transcript(&["build", "credentials", "list"]), @"
    err| Builds of this tool read public repositories only.
    err| next:  hearth build credentials set ADDRESS
    ends with 0
    ");
    let home = build_home(CREDENTIAL_JSON);
    insta::assert_snapshot!(home.run_to_transcript(&["build", "credentials", "list", "--json=address,username"]), @r#"
    out| [
    out|   {
    out|     "address": "https://git.example.org/ada/secret",
    out|     "username": "oauth2"
    out|   }
    out| ]
    ends with 0
    "#);
}

#[test]
fn credential_is_set_from_standard_input_and_never_shown() {
    let home = build_home("");
    let words = ["build", "credentials", "set", "https://git.example.org/ada/secret.git"];
    insta::assert_snapshot!(home.run_with_input(&words, "t0ken\n"), @"
    out| ✓ the credential for https://git.example.org/ada/secret is set (user name oauth2)
    ends with 0
    ");
    let requests = home.read_requests().join("\n");
    assert!(requests.contains(r#""secret":"t0ken""#) && !requests.contains("username"), "{requests}");

    let home = build_home("");
    let named = [&words[..], &["--username", "gitlab+deploy-token-7", "--json"]].concat();
    let transcript = home.run_with_input(&named, "t0ken\n");
    assert!(transcript.contains(r#""done": true"#) && !transcript.contains("t0ken"), "{transcript}");
    assert!(home.read_requests().join("\n").contains(r#""username":"gitlab+deploy-token-7""#));

    let transcript = build_home("").run_with_input(&words, "");
    insta::assert_snapshot!(transcript, @"
    err| error: the credential needs a token or password, and standard input is empty [no-value]
    err| next:  hearth build credentials set https://git.example.org/ada/secret.git < FILE
    ends with 1
    ");
}

#[test]
fn credential_is_deleted_by_its_address() {
    let words = ["build", "credentials", "delete", "https://git.example.org/ada/secret.git/"];
    let home = build_home(CREDENTIAL_JSON);
    insta::assert_snapshot!(home.run_to_transcript(&[&words[..], &["--yes"]].concat()), @"
    out| ✓ the credential for https://git.example.org/ada/secret is deleted
    ends with 0
    ");
    let deleted =
        "DELETE /builds/v1/tool/dup-finder/source-credentials/credential_00000000000000000000000001";
    assert!(home.read_requests().iter().any(|request| request.starts_with(deleted)));
    insta::assert_snapshot!(build_home("").run_to_transcript(&words), @"
    err| error: there is no source credential https://git.example.org/ada/secret.git/ [no-such-source-credential]
    err| next:  hearth build credentials list
    ends with 1
    ");
}

#[test]
fn dry_run_says_whether_a_credential_is_replaced() {
    let words = ["build", "credentials", "set", "https://git.example.org/ada/secret", "--dry-run"];
    for (known, verb) in [("", "set"), (CREDENTIAL_JSON, "replace")] {
        let home = build_home(known);
        let transcript = home.run_with_input(&words, "t0ken\n");
        let sentence = format!("would {verb} the credential for https://git.example.org/ada/secret");
        assert!(transcript.contains(&sentence), "{transcript}");
        assert!(home.read_requests().iter().all(|request| request.starts_with("GET ")));
    }
}
