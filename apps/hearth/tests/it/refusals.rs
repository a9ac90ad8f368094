//! Refusals of the server: printed once, with the credential and the next command.

use crate::{
    fake_server::{self, CLOSED_ADDRESSES, PreparedAnswers},
    home::Home,
};

const INTERNAL_ERROR_JSON: &str = r#"{"messages": {"error": ["Hearth made a mistake \u001b[2J with this request"]},
    "code": "internal", "request_id": "req_3", "help": "report the request id"}"#;

#[test]
fn forbidden_tool_is_answered_with_the_nearest_own_tool() {
    let home = Home::signed_in_at(PreparedAnswers::from([
        ("GET /tools/v1/tool/dup-findr", (403, fake_server::FORBIDDEN_JSON)),
        ("GET /tools/v1/tools", (200, fake_server::MY_TOOLS_JSON)),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["tool", "show", "dup-findr"]), @"
    err| error: dup-findr is not one of your tools [forbidden]
    err|        You are signed in as alice at [SERVER] (hearth login, ~/.config/hearth/credentials.toml).
    err| next:  hearth tool show dup-finder
    ends with 1
    ");
    insta::assert_snapshot!(home.run_with_env(&["tool", "show"], &[("HEARTH_TOOL", "dup-findr")]), @"
    err| error: dup-findr is not one of your tools [forbidden]
    err|        Its name comes from: environment HEARTH_TOOL.
    err|        You are signed in as alice at [SERVER] (hearth login, ~/.config/hearth/credentials.toml).
    err| next:  hearth tool show --tool=dup-finder
    ends with 1
    ");
}

#[test]
fn refusal_about_a_tool_that_is_being_deleted_names_the_deletion() {
    let deleting = fake_server::MY_TOOLS_JSON.replace("\"active\"", "\"deleting\"");
    let home = Home::signed_in_at(PreparedAnswers::from([
        ("GET /jobs/v1/tool/dup-finder/jobs", (403, fake_server::FORBIDDEN_JSON)),
        ("GET /tools/v1/tools", (200, deleting.as_str())),
    ]));
    insta::assert_snapshot!(home.run_to_transcript(&["jobs", "list", "--tool", "dup-finder"]), @"
    err| error: tool dup-finder is being deleted [tool-deleting]
    err| next:  choose another tool, or wait and create it again: hearth new NAME
    ends with 1
    ");
}

#[test]
fn refused_credential_is_named() {
    let home = Home::signed_in_at(PreparedAnswers::from([(
        "GET /accounts/v1/me",
        (401, fake_server::INVALID_TOKEN_JSON),
    )]));
    insta::assert_snapshot!(home.run_to_transcript(&["whoami"]), @"
    err| error: the token shown is not good [credential-refused]
    err|        You are signed in as alice at [SERVER] (hearth login, ~/.config/hearth/credentials.toml).
    err| next:  hearth login
    ends with 1
    ");
    insta::assert_snapshot!(home.run_with_env(&["whoami"], &[("HEARTH_TOKEN", "t")]), @"
    err| error: the token shown is not good [credential-refused]
    err|        You are using the token of HEARTH_TOKEN at [SERVER].
    err| next:  set HEARTH_TOKEN to a valid token, or unset it
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&[]), @"
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
fn internal_error_exits_with_2_and_names_the_request() {
    let home =
        Home::signed_in_at(PreparedAnswers::from([("GET /accounts/v1/me", (500, INTERNAL_ERROR_JSON))]));
    insta::assert_snapshot!(home.run_to_transcript(&["whoami"]), @r"
    err| error: Hearth made a mistake \u{1b}[2J with this request [internal]
    err|        The request id is req_3.
    err| next:  report the request id
    ends with 2
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["whoami", "--json"]), @r#"
    err| {"error":["Hearth made a mistake \u001b[2J with this request"],"code":"internal","help":"report the request id","request_id":"req_3"}
    ends with 2
    "#);
}

#[test]
fn verbose_names_the_refused_request() {
    let home = Home::signed_in_at(PreparedAnswers::from([(
        "GET /accounts/v1/me",
        (401, fake_server::INVALID_TOKEN_JSON),
    )]));
    assert!(!home.run_to_transcript(&["whoami"]).contains("req_2"));
    for flag in ["-v", "--verbose", "--debug"] {
        assert!(home.run_to_transcript(&["whoami", flag]).contains("The request id is req_2."), "{flag}");
    }
}

#[test]
fn unreachable_server_exits_with_2() {
    let home = Home::new();
    home.sign_in(CLOSED_ADDRESSES[0]);
    insta::assert_snapshot!(home.run_to_transcript(&["whoami"]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearth up --listen 127.0.0.1:1
    ends with 2
    ");
}

#[test]
fn answer_of_another_program_is_recognised() {
    let home = Home::signed_in_at(PreparedAnswers::from([("GET /accounts/v1/me", (200, "<html>"))]));
    insta::assert_snapshot!(home.run_to_transcript(&["whoami"]), @"
    err| error: the server's response has an unknown format [invalid-response]
    err| next:  check that the address belongs to a Hearth of a similar version
    ends with 2
    ");
}

#[test]
fn home_and_root_folders_are_not_linked() {
    let home = Home::signed_in_at(PreparedAnswers::from([(
        "GET /tools/v1/tool/dup-finder",
        (403, fake_server::FORBIDDEN_JSON),
    )]));
    let typed_in = |folder: &std::path::Path, words: &[&str]| {
        let output = home.build_command(words, &[]).current_dir(folder).output().expect("the program starts");
        home.render_transcript(&output)
    };
    insta::assert_snapshot!(typed_in(&home.path_below(""), &["new", "dup-finder"]), @"
    err| error: [HOME] cannot be linked: it is your home [folder-too-large]
    err|        A link would apply to every folder in it; nothing was changed.
    err| next:  mkdir dup-finder && cd dup-finder && hearth new dup-finder
    ends with 1
    ");
    let root = std::path::Path::new("/");
    insta::assert_snapshot!(typed_in(root, &["new", "dup-finder"]), @"
    err| error: / cannot be linked: it is the root [folder-too-large]
    err|        A link would apply to every folder in it; nothing was changed.
    err| next:  mkdir ~/dup-finder && cd ~/dup-finder && hearth new dup-finder
    ends with 1
    ");
    home.write("index.html", "<h1>hello</h1>");
    insta::assert_snapshot!(typed_in(&home.path_below(""), &["deploy", "--new", "dup-finder", "--quiet"]), @"
    err| error: [HOME] cannot be uploaded: it is your home [folder-too-large]
    err|        It contains more than the files of one tool; nothing was changed.
    err| next:  cd to the folder of your tool, or give its path
    ends with 1
    ");
    assert!(
        !home.read_requests().iter().any(|request| !request.starts_with("GET ")),
        "{:?}",
        home.read_requests()
    );
    assert!(!home.path_below("hearth.yaml").exists());
}

const TAKEN_JSON: &str = r#"{"messages": {"error": ["the name dup-finder is taken by another tool"]},
    "code": "tool-name-taken", "request_id": "req_4", "help": "choose another name"}"#;

/// Runs `hearth new dup-finder`, whose tool another command creates after this one has looked for it.
fn run_second_new(tools: &str) -> (Home, String) {
    let home = Home::signed_in_at(PreparedAnswers::from([
        ("GET /tools/v1/tool/dup-finder", (403, fake_server::FORBIDDEN_JSON)),
        ("POST /tools/v1/tools", (409, TAKEN_JSON)),
        ("GET /tools/v1/tools", (200, tools)),
    ]));
    let transcript = home.run_to_transcript(&["new", "dup-finder"]);
    (home, transcript)
}

#[test]
fn tool_that_another_command_of_its_owner_just_created_exists_already() {
    let (home, transcript) = run_second_new(fake_server::MY_TOOLS_JSON);
    insta::assert_snapshot!(transcript, @"
    out| ✓ tool dup-finder existed, you are its owner; this folder is now linked (hearth.yaml)
    err| next:  hearth deploy
    ends with 0
    ");
    let creations = home.read_requests().iter().filter(|request| request.starts_with("POST ")).count();
    assert_eq!(creations, 1, "{:?}", home.read_requests());
}

#[test]
fn name_of_another_persons_tool_is_taken() {
    let (home, transcript) = run_second_new(r#"{"data": {"items": []}}"#);
    insta::assert_snapshot!(transcript, @"
    err| error: the name dup-finder is taken by another tool [tool-name-taken]
    err| next:  choose another name
    ends with 1
    ");
    assert_eq!(
        home.read_requests().iter().filter(|request| request.starts_with("GET /tools/v1/tools?")).count(),
        1
    );
}
