//! Settings: server and tool with their sources.

use crate::{fake_server::CLOSED_ADDRESSES, home::Home};

#[test]
fn default_server_is_local_and_the_next_command_is_named() {
    insta::assert_snapshot!(Home::new().run_with_env(&[], &[("HEARTH_SERVER", CLOSED_ADDRESSES[0])]), @"
    out| server	http://127.0.0.1:1	environment HEARTH_SERVER	no Hearth server responds there
    out| user	-	-	not signed in
    out| tool	-	-	this folder belongs to no tool
    err|
    err| next:  hearth up --listen 127.0.0.1:1
    err| More: hearth -h
    ends with 0
    ");
}

#[test]
fn nearer_setting_source_wins_and_is_named() {
    let home = Home::new();
    home.sign_in(CLOSED_ADDRESSES[0]);
    home.write("hearth.yaml", "tool: above\n");
    insta::assert_snapshot!(home.run_to_transcript(&["status"]), @"
    out| server	http://127.0.0.1:1	user ~/.config/hearth/credentials.toml	it cannot be reached
    out| user	alice	user ~/.config/hearth/credentials.toml
    out| tool	above	folder ~/hearth.yaml
    ends with 0
    ");
    home.write("dup-finder/hearth.yaml", "# mine\ntool: dup-finder\njobs: {}\n");
    let variables = [("HEARTH_TOKEN", "t"), ("HEARTH_SERVER", CLOSED_ADDRESSES[1])];
    insta::assert_snapshot!(home.run_with_env(&["status"], &variables), @"
    out| server	http://127.0.0.1:2	environment HEARTH_SERVER	it cannot be reached
    out| user	-	environment HEARTH_TOKEN
    out| tool	dup-finder	folder ~/dup-finder/hearth.yaml
    ends with 0
    ");
    let words = ["status", "--tool", "flagged", "--server", CLOSED_ADDRESSES[0]];
    insta::assert_snapshot!(home.run_with_env(&words, &[("HEARTH_TOOL", "named")]), @"
    out| server	http://127.0.0.1:1	flag --server	it cannot be reached
    out| user	alice	user ~/.config/hearth/credentials.toml
    out| tool	flagged	flag --tool
    ends with 0
    ");
}

#[test]
fn invalid_variable_is_named() {
    let home = Home::new();
    insta::assert_snapshot!(home.run_with_env(&["tool", "show"], &[("HEARTH_TOOL", "No Name")]), @r#"
    err| error: HEARTH_TOOL: "No Name" cannot be a tool's name: 2 to 32 lower-case letters, digits and hyphens, beginning with a letter, ending with a letter or digit [environment]
    err| next:  correct HEARTH_TOOL, or unset it
    ends with 1
    "#);
    insta::assert_snapshot!(home.run_with_env(&["whoami"], &[("HEARTH_SERVER", "ftp://x")]), @r#"
    err| error: HEARTH_SERVER: "ftp://x" is not the address of a server [environment]
    err| next:  correct HEARTH_SERVER, or unset it
    ends with 1
    "#);
}

#[test]
fn invalid_files_are_named_and_not_quoted() {
    let home = Home::new();
    home.write("dup-finder/hearth.yaml", "tool: [1, 2]\n");
    insta::assert_snapshot!(home.run_to_transcript(&["tool", "show"]), @"
    err| error: [HOME]/dup-finder/hearth.yaml cannot be read: line 1 column 7: expected string scalar [folder-file]
    err| next:  correct it: its first line can be tool: NAME ([HOME]/dup-finder/hearth.yaml)
    ends with 1
    ");
    home.write(".config/hearth/credentials.toml", "token = s3cret\n");
    insta::assert_snapshot!(home.run_to_transcript(&["whoami"]), @"
    err| error: [HOME]/.config/hearth/credentials.toml cannot be read: it is not a valid credentials file [user-file]
    err| next:  correct it, or remove it and sign in again: [HOME]/.config/hearth/credentials.toml
    ends with 1
    ");
}

#[test]
fn missing_tool_is_answered_with_the_ways_to_name_one() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "show"]), @"
    err| error: this folder belongs to no tool [no-tool]
    err|        --tool NAME, HEARTH_TOOL or hearth.yaml in this folder names a tool.
    err|        hearth tool list shows your tools.
    err| next:  hearth new dup-finder
    ends with 1
    ");
}

#[test]
fn missing_token_is_answered_with_the_login_command() {
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "list"]), @"
    err| error: you are not signed in at http://localhost:8080 [not-signed-in]
    err| next:  hearth login
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().run_to_transcript(&["tool", "list", "--server", "hearth.example.org"]), @"
    err| error: you are not signed in at https://hearth.example.org [not-signed-in]
    err| next:  hearth login https://hearth.example.org
    ends with 1
    ");
}
