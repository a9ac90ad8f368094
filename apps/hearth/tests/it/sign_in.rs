//! Signing in and out where nobody can be asked.

use crate::{
    door::{self, Answers, CLOSED},
    home::Home,
};

const SESSION: &str = r#"{"data": {"id": "session_00000000000000000000000001", "secret": "hearth_session_s",
    "expires": "2036-01-01T00:00:00Z", "user": {"id": "user_00000000000000000000000001", "name": "alice",
    "operator": false, "disabled": false, "created": "2026-01-01T00:00:00Z"}}}"#;
const TOKEN: &str = r#"{"data": {"secret": "hearth_token_t", "token": {
    "id": "token_00000000000000000000000001", "label": "hearth on here", "scopes": ["*:own"],
    "created": "2026-01-01T00:00:00Z"}}}"#;

fn door() -> String {
    door::open(Answers::from([
        ("GET /accounts/v1/me", (401, door::NOBODY)),
        ("POST /accounts/v1/sessions", (200, SESSION)),
        ("POST /accounts/v1/tokens", (201, TOKEN)),
        ("DELETE /accounts/v1/sessions/current", (200, r#"{"data": {}}"#)),
    ]))
}

#[test]
fn where_nobody_can_be_asked_the_flags_are_named() {
    let server = door();
    let home = Home::new().hiding(&server, "[SERVER]");
    insta::assert_snapshot!(home.says(&["login", &server]), @"
    err| error: the name to sign in with (--name) is missing [cannot-ask]
    err|        Nothing is asked, because there is no terminal.
    err| next:  hearth login [SERVER] --name NAME --password-stdin
    ends with 1
    ");
    insta::assert_snapshot!(home.says_with(&["login", &server, "--name", "alice"], &[("CI", "1")]), @"
    err| error: the password (--password-stdin) is missing [cannot-ask]
    err|        Nothing is asked, because CI is set.
    err| next:  hearth login [SERVER] --name alice --password-stdin
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["login", &server, "--name", "alice", "--yes"]), @"
    err| error: the password (--password-stdin) is missing [cannot-ask]
    err|        Nothing is asked, because of --yes.
    err| next:  hearth login [SERVER] --name alice --password-stdin
    ends with 1
    ");
}

#[test]
fn a_password_from_standard_input_becomes_a_token_that_only_the_user_can_read() {
    let server = door();
    let home = Home::new().hiding(&server, "[SERVER]");
    let words = ["login", &server, "--name", "alice", "--password-stdin"];
    insta::assert_snapshot!(home.says_given(&words, "four words will do\n"), @"
    out| ✓ signed in as alice at [SERVER]; the token is in ~/.config/hearth/credentials.toml
    err| next:  hearth
    ends with 0
    ");
    let path = home.path(".config/hearth/credentials.toml");
    let kept = std::fs::read_to_string(&path).expect("the file is there");
    assert!(kept.contains("own = true"), "what it made itself it may revoke later");
    assert!(kept.contains("hearth_token_t") && !kept.contains("four words") && !kept.contains("session_s"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_server_that_does_not_answer_is_noticed_before_anything_is_asked() {
    insta::assert_snapshot!(Home::new().says(&["login", CLOSED[0]]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearth up
    ends with 2
    ");
}

#[test]
fn signing_out_twice_changes_nothing() {
    let home = Home::new();
    insta::assert_snapshot!(home.says(&["logout"]), @"
    out| nothing to change: you are not signed in at http://localhost:8080
    ends with 0
    ");
}

#[test]
fn signing_out_of_a_server_that_does_not_answer_is_possible_here() {
    let home = Home::new();
    home.sign_in(CLOSED[0]);
    insta::assert_snapshot!(home.says(&["logout"]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err|        You are still signed in here.
    err| next:  hearth logout --local
    ends with 2
    ");
    insta::assert_snapshot!(home.says(&["logout", "--local"]), @"
    out| ✓ the token of alice for http://127.0.0.1:1 is forgotten here; the server still takes it
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["logout"]), @"
    out| nothing to change: you are not signed in at http://127.0.0.1:1
    ends with 0
    ");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.sign_in(CLOSED[0]);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(home.path(".config/hearth/credentials.toml"), open).expect("the file is mine");
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| warning: others can read ~/.config/hearth/credentials.toml: run chmod 600 ~/.config/hearth/credentials.toml
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearth up
    ends with 2
    ");
}
