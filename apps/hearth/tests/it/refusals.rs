//! What a server refuses: said once, with the credential that was shown and the command that comes next.

use crate::{
    door::{self, Answers, CLOSED},
    home::Home,
};

const MISTAKE: &str = r#"{"messages": {"error": ["Hearth made a mistake \u001b[2J with this request"]},
    "code": "internal", "request_id": "req_3", "help": "report the request id"}"#;

#[test]
fn somebody_elses_tool_is_answered_with_the_nearest_of_ones_own() {
    let home = Home::at(Answers::from([
        ("GET /tools/v1/tool/dup-findr", (403, door::NO_RIGHT)),
        ("GET /tools/v1/tools", (200, door::MY_TOOLS)),
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
    let home = Home::at(Answers::from([("GET /accounts/v1/me", (401, door::NOT_GOOD))]));
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
    let home = Home::at(Answers::from([("GET /accounts/v1/me", (500, MISTAKE))]));
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
fn the_request_that_was_refused_is_named_on_demand() {
    let home = Home::at(Answers::from([("GET /accounts/v1/me", (401, door::NOT_GOOD))]));
    assert!(!home.says(&["whoami"]).contains("req_2"));
    for flag in ["-v", "--verbose", "--debug"] {
        assert!(home.says(&["whoami", flag]).contains("The request was req_2."), "{flag}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_ends_with_2() {
    let home = Home::new();
    home.sign_in(CLOSED[0]);
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| error: 127.0.0.1:1 cannot be reached [server-unreachable]
    err|        Nothing runs at this address on this machine.
    err| next:  hearth up
    ends with 2
    ");
}

#[test]
fn what_is_no_hearth_is_told_apart() {
    let home = Home::at(Answers::from([("GET /accounts/v1/me", (200, "<html>"))]));
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| error: the server's answer is not what Hearth says [strange-answer]
    err| next:  check that the address is that of a Hearth of about this version
    ends with 2
    ");
}

#[test]
fn a_folder_that_holds_more_than_a_tool_is_not_linked() {
    let home = Home::at(Answers::from([("GET /tools/v1/tool/dup-finder", (403, door::NO_RIGHT))]));
    let typed_in = |folder: &std::path::Path, words: &[&str]| {
        let output = home.command(words, &[]).current_dir(folder).output().expect("the program starts");
        home.transcript(&output)
    };
    insta::assert_snapshot!(typed_in(&home.path(""), &["new", "dup-finder"]), @"
    err| error: [HOME] is no folder of one tool: it is your home [folder-too-large]
    err|        Every folder in it would be linked too; nothing was changed.
    err| next:  mkdir dup-finder && cd dup-finder && hearth new dup-finder
    ends with 1
    ");
    let root = std::path::Path::new("/");
    insta::assert_snapshot!(typed_in(root, &["new", "dup-finder"]), @"
    err| error: / is no folder of one tool: it holds everything [folder-too-large]
    err|        Every folder in it would be linked too; nothing was changed.
    err| next:  mkdir ~/dup-finder && cd ~/dup-finder && hearth new dup-finder
    ends with 1
    ");
    home.write("index.html", "<h1>hello</h1>");
    insta::assert_snapshot!(typed_in(&home.path(""), &["deploy", "--new", "dup-finder", "--quiet"]), @"
    err| error: [HOME] is no folder of one tool: it is your home [folder-too-large]
    err|        Every folder in it would be linked too; nothing was changed.
    err| next:  mkdir dup-finder && cd dup-finder && hearth new dup-finder
    ends with 1
    ");
    assert!(!home.asked().iter().any(|asked| !asked.starts_with("GET ")), "{:?}", home.asked());
    assert!(!home.path("hearth.yaml").exists());
}
