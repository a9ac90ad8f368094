//! What a server refuses: said once, with the credential that was shown and the command that comes next.

use crate::{
    door::{self, Answers, CLOSED},
    home::Home,
};

const NO_RIGHT: &str = r#"{"messages": {"error": ["this needs the right tools:read"]}, "code": "forbidden",
    "request_id": "req_1", "help": "ask an owner"}"#;
const NO_MORE: &str = r#"{"messages": {"error": ["the token shown is not good"]}, "code": "credential-refused",
    "request_id": "req_2"}"#;
const MISTAKE: &str = r#"{"messages": {"error": ["Hearth made a mistake \u001b[2J with this request"]},
    "code": "internal", "request_id": "req_3", "help": "report the request id"}"#;
const MINE: &str = r#"{"data": {"items": [{"id": "tool_00000000000000000000000001", "name": "dup-finder",
    "description": "", "state": "active", "role": "owner", "created": "2026-01-02T03:04:05Z"}]}}"#;

fn home(answers: Answers) -> Home {
    let server = door::open(answers);
    let home = Home::new().hiding(&server, "[SERVER]");
    home.sign_in(&server);
    home
}

#[test]
fn somebody_elses_tool_is_answered_with_the_nearest_of_ones_own() {
    let home = home(Answers::from([
        ("GET /tools/v1/tool/dup-findr", (403, NO_RIGHT)),
        ("GET /tools/v1/tools", (200, MINE)),
    ]));
    insta::assert_snapshot!(home.says(&["tool", "show", "dup-findr"]), @"
    err| error: dup-findr is not one of your tools [forbidden]
    err|        You are signed in as alice at [SERVER] (hearth login, ~/.config/hearth/credentials.toml).
    err| next:  hearth tool show dup-finder
    ends with 1
    ");
    insta::assert_snapshot!(home.says_with(&["tool", "show"], &[("HEARTH_TOOL", "dup-findr")]), @"
    err| error: dup-findr is not one of your tools [forbidden]
    err|        Its name comes from: environment HEARTH_TOOL.
    err|        You are signed in as alice at [SERVER] (hearth login, ~/.config/hearth/credentials.toml).
    err| next:  hearth tool list
    ends with 1
    ");
}

#[test]
fn a_refused_credential_is_named() {
    let home = home(Answers::from([("GET /accounts/v1/me", (401, NO_MORE))]));
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| error: the token shown is not good [credential-refused]
    err|        You are signed in as alice at [SERVER] (hearth login, ~/.config/hearth/credentials.toml).
    err| next:  hearth login
    ends with 1
    ");
    insta::assert_snapshot!(home.says_with(&["whoami"], &[("HEARTH_TOKEN", "t")]), @"
    err| error: the token shown is not good [credential-refused]
    err|        You are using the token of HEARTH_TOKEN at [SERVER].
    err| next:  set HEARTH_TOKEN to a token that is good, or unset it
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&[]), @"
    out| server	[SERVER]	user ~/.config/hearth/credentials.toml
    out| user	alice	user ~/.config/hearth/credentials.toml	the token shown is not good
    out| tool	-	-	this folder belongs to no tool
    err|
    err| next:  hearth login
    err| More: hearth -h
    ends with 0
    ");
}

#[test]
fn a_mistake_of_the_service_ends_with_2_and_names_the_request() {
    let home = home(Answers::from([("GET /accounts/v1/me", (500, MISTAKE))]));
    insta::assert_snapshot!(home.says(&["whoami"]), @r"
    err| error: Hearth made a mistake \u{1b}[2J with this request [internal]
    err|        The request was req_3.
    err| next:  report the request id
    ends with 2
    ");
    insta::assert_snapshot!(home.says(&["whoami", "--json"]), @r#"
    err| {"error":["Hearth made a mistake \u001b[2J with this request"],"code":"internal","help":"report the request id","request_id":"req_3"}
    ends with 2
    "#);
}

#[test]
fn a_server_that_cannot_be_reached_ends_with_2() {
    let home = Home::new();
    home.sign_in(CLOSED[0]);
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearthd up --state FOLDER
    ends with 2
    ");
}

#[test]
fn what_is_no_hearth_is_told_apart() {
    let home = home(Answers::from([("GET /accounts/v1/me", (200, "<html>"))]));
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| error: the server's answer is not what Hearth says [strange-answer]
    err| next:  check that the address is that of a Hearth of about this version
    ends with 2
    ");
}
