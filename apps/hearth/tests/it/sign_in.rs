//! Login and logout without a terminal.

use crate::{
    fake_server::{self, CLOSED_ADDRESSES, PreparedAnswers},
    home::Home,
};

const SESSION_JSON: &str = r#"{"data": {"id": "session_00000000000000000000000001", "secret": "hearth_session_s",
    "expires": "2036-01-01T00:00:00Z", "user": {"id": "user_00000000000000000000000001", "name": "alice",
    "operator": false, "disabled": false, "created": "2026-01-01T00:00:00Z"}}}"#;
const TOKEN_JSON: &str = r#"{"data": {"secret": "hearth_token_t", "token": {
    "id": "token_00000000000000000000000001", "label": "hearth on here", "scopes": ["*:own"],
    "created": "2026-01-01T00:00:00Z"}}}"#;

fn start_server() -> String {
    fake_server::start_fake_server(PreparedAnswers::from([
        ("GET /accounts/v1/me", (401, fake_server::NOT_SIGNED_IN_JSON)),
        ("POST /accounts/v1/sessions", (200, SESSION_JSON)),
        ("POST /accounts/v1/tokens", (201, TOKEN_JSON)),
        ("DELETE /accounts/v1/sessions/current", (200, r#"{"data": {}}"#)),
    ]))
}

#[test]
fn login_without_a_terminal_names_the_missing_flags() {
    let server = start_server();
    let home = Home::new().with_mask(&server, "[SERVER]");
    insta::assert_snapshot!(home.run_to_transcript(&["login", &server]), @"
    err| error: the name to sign in with (--name) is missing [cannot-ask]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth login [SERVER] --name NAME --password-stdin
    ends with 1
    ");
    insta::assert_snapshot!(home.run_with_env(&["login", &server, "--name", "alice"], &[("CI", "1")]), @"
    err| error: the password (--password-stdin) is missing [cannot-ask]
    err|        hearth asks no questions when CI is set.
    err| next:  hearth login [SERVER] --name alice --password-stdin
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["login", &server, "--name", "alice", "--yes"]), @"
    err| error: the password (--password-stdin) is missing [cannot-ask]
    err|        hearth asks no questions with --yes.
    err| next:  hearth login [SERVER] --name alice --password-stdin
    ends with 1
    ");
}

#[test]
fn password_from_standard_input_becomes_a_private_token() {
    let server = start_server();
    let home = Home::new().with_mask(&server, "[SERVER]");
    let words = ["login", &server, "--name", "alice", "--password-stdin"];
    insta::assert_snapshot!(home.run_with_input(&words, "four words will do\n"), @"
    out| ✓ signed in as alice at [SERVER]; the token is in ~/.config/hearth/credentials.toml
    err| next:  hearth
    ends with 0
    ");
    let path = home.path_below(".config/hearth/credentials.toml");
    let kept = std::fs::read_to_string(&path).expect("the file exists");
    assert!(kept.contains("own = true"), "a token that the program created may be revoked later");
    assert!(kept.contains("hearth_token_t") && !kept.contains("four words") && !kept.contains("session_s"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().expect("the file exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn unreachable_server_is_reported_before_any_question() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["login", CLOSED_ADDRESSES[0]]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearth up --listen 127.0.0.1:1
    ends with 2
    ");
}

#[test]
fn second_logout_changes_nothing() {
    let home = Home::new();
    insta::assert_snapshot!(home.run_to_transcript(&["logout"]), @"
    out| nothing to change: you are not signed in at http://localhost:8080
    ends with 0
    ");
}

#[test]
fn logout_without_a_server_is_possible_with_local() {
    let home = Home::new();
    home.sign_in(CLOSED_ADDRESSES[0]);
    insta::assert_snapshot!(home.run_to_transcript(&["logout"]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err|        You are still signed in here.
    err| next:  hearth logout --local
    ends with 2
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["logout", "--local"]), @"
    out| ✓ the token of alice for http://127.0.0.1:1 is removed here; the server still accepts it
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["logout"]), @"
    out| nothing to change: you are not signed in at http://127.0.0.1:1
    ends with 0
    ");
}

#[cfg(unix)]
#[test]
fn readable_credentials_file_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.sign_in(CLOSED_ADDRESSES[0]);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(home.path_below(".config/hearth/credentials.toml"), open)
        .expect("the permissions can be set");
    insta::assert_snapshot!(home.run_to_transcript(&["whoami"]), @"
    err| warning: other users can read ~/.config/hearth/credentials.toml: run chmod 600 ~/.config/hearth/credentials.toml
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearth up --listen 127.0.0.1:1
    ends with 2
    ");
}
