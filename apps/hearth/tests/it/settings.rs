//! Which server, which tool, and where each of them comes from.

use crate::{door::CLOSED, home::Home};

#[test]
fn without_anything_the_server_is_this_machine_and_the_next_step_is_named() {
    insta::assert_snapshot!(Home::new().says_with(&[], &[("HEARTH_SERVER", CLOSED[0])]), @"
    out| server	http://127.0.0.1:1	environment HEARTH_SERVER	no Hearth answers there
    out| user	-	-	not signed in
    out| tool	-	-	this folder belongs to no tool
    err|
    err| next:  hearth up
    err| More: hearth -h
    ends with 0
    ");
}

#[test]
fn the_nearer_source_wins_and_is_named() {
    let home = Home::new();
    home.sign_in(CLOSED[0]);
    home.write("hearth.yaml", "tool: above\n");
    insta::assert_snapshot!(home.says(&["status"]), @"
    out| server	http://127.0.0.1:1	user ~/.config/hearth/credentials.toml	it cannot be reached
    out| user	alice	user ~/.config/hearth/credentials.toml
    out| tool	above	folder ~/hearth.yaml
    ends with 0
    ");
    home.write("dup-finder/hearth.yaml", "# mine\ntool: dup-finder\njobs: {}\n");
    let variables = [("HEARTH_TOKEN", "t"), ("HEARTH_SERVER", CLOSED[1])];
    insta::assert_snapshot!(home.says_with(&["status"], &variables), @"
    out| server	http://127.0.0.1:2	environment HEARTH_SERVER	it cannot be reached
    out| user	-	environment HEARTH_TOKEN
    out| tool	dup-finder	folder ~/dup-finder/hearth.yaml
    ends with 0
    ");
    let words = ["status", "--tool", "flagged", "--server", CLOSED[0]];
    insta::assert_snapshot!(home.says_with(&words, &[("HEARTH_TOOL", "named")]), @"
    out| server	http://127.0.0.1:1	flag --server	it cannot be reached
    out| user	alice	user ~/.config/hearth/credentials.toml
    out| tool	flagged	flag --tool
    ends with 0
    ");
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    let home = Home::new();
    insta::assert_snapshot!(home.says_with(&["tool", "show"], &[("HEARTH_TOOL", "No Name")]), @r#"
    err| error: HEARTH_TOOL: "No Name" cannot be a tool's name: 2 to 32 lower-case letters, digits and hyphens, beginning with a letter, ending with a letter or digit [environment]
    err| next:  set HEARTH_TOOL to something else, or unset it
    ends with 1
    "#);
    insta::assert_snapshot!(home.says_with(&["whoami"], &[("HEARTH_SERVER", "ftp://x")]), @r#"
    err| error: HEARTH_SERVER: "ftp://x" is not the address of a server [environment]
    err| next:  set HEARTH_SERVER to something else, or unset it
    ends with 1
    "#);
}

#[test]
fn files_that_cannot_be_used_are_named_and_not_quoted() {
    let home = Home::new();
    home.write("dup-finder/hearth.yaml", "tool: [1, 2]\n");
    insta::assert_snapshot!(home.says(&["tool", "show"]), @"
    err| error: [HOME]/dup-finder/hearth.yaml cannot be read: line 1 column 7: expected string scalar [folder-file]
    err| next:  put it right: its first line can be tool: NAME ([HOME]/dup-finder/hearth.yaml)
    ends with 1
    ");
    home.write(".config/hearth/credentials.toml", "token = s3cret\n");
    insta::assert_snapshot!(home.says(&["whoami"]), @"
    err| error: [HOME]/.config/hearth/credentials.toml cannot be read: it is not what hearth wrote [user-file]
    err| next:  put it right, or remove it and sign in again: [HOME]/.config/hearth/credentials.toml
    ends with 1
    ");
}

#[test]
fn without_a_tool_the_ways_to_name_one_are_told() {
    insta::assert_snapshot!(Home::new().says(&["tool", "show"]), @"
    err| error: this folder belongs to no tool, and none was named [no-tool]
    err|        A tool is named by --tool NAME, by HEARTH_TOOL, or by hearth.yaml in this folder.
    err| next:  hearth new dup-finder
    ends with 1
    ");
}

#[test]
fn without_a_token_the_way_in_is_told() {
    insta::assert_snapshot!(Home::new().says(&["tool", "list"]), @"
    err| error: you are not signed in at http://localhost:8080 [not-signed-in]
    err| next:  hearth login
    ends with 1
    ");
    insta::assert_snapshot!(Home::new().says(&["tool", "list", "--server", "hearth.example.org"]), @"
    err| error: you are not signed in at https://hearth.example.org [not-signed-in]
    err| next:  hearth login https://hearth.example.org
    ends with 1
    ");
}
