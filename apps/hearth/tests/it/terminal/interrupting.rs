//! Ctrl-C at a terminal: what goes on, how to come back, and a terminal that is as it was.

use std::net::TcpListener;

use super::Terminal;
use crate::{door::Answers, home::Home};

const CTRL_C: &str = "\u{3}";

/// What is seen when Ctrl-C is pressed while the program waits for a server that does not answer.
fn interrupted(home: &Home, words: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    home.sign_in(&format!("http://{}", listener.local_addr().expect("its address")));
    let mut terminal = home.types(words);
    let connection = listener.accept().expect("the program connects");
    terminal.presses(CTRL_C);
    let seen = terminal.ends();
    drop(connection);
    seen
}

fn home() -> Home {
    let api_key = r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#;
    Home::of_tool(Answers::from([("GET /envvars/v1/tool/dup-finder/envvars/API_KEY", (200, api_key))]))
}

#[test]
fn a_deployment_goes_on_and_the_way_back_is_told() {
    let home = Home::new();
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    insta::assert_snapshot!(interrupted(&home, &["deploy", "--follow"]), @"
    ^C
    interrupted: a deployment that began goes on; hearth deploy --follow comes back to it
    ends with 130
    ");
    insta::assert_snapshot!(interrupted(&home, &["jobs", "restart", "web"]), @"
    ^C
    interrupted: the job may be starting anew already; hearth jobs list shows it
    ends with 130
    ");
    insta::assert_snapshot!(interrupted(&home, &["build", "logs", "-f"]), @"
    ^C
    interrupted: the build goes on; the same command comes back
    ends with 130
    ");
}

#[test]
fn a_question_can_be_left() {
    let home = home();
    let mut terminal: Terminal<'_> = home.types(&["envvars", "delete", "API_KEY"]);
    terminal.answers("[y/N] ", CTRL_C);
    insta::assert_snapshot!(terminal.ends(), @"
    This will delete the variable API_KEY and its value. Go on? [y/N] ^C
    interrupted: nothing was changed
    ends with 130
    ");
    assert!(!home.asked().iter().any(|asked| asked.starts_with("DELETE")));
}

#[test]
fn a_question_that_shows_nothing_can_be_left_too_and_keys_are_shown_again() {
    let home = home();
    let mut terminal = home.types(&["envvars", "create", "API_KEY"]);
    terminal.answers_unseen("Value of API_KEY: ", &format!("s3cr{CTRL_C}"));
    let seen = terminal.until("interrupted: ");
    assert!(terminal.shows_keys() && !seen.contains("s3cr"), "{seen}");
    insta::assert_snapshot!(terminal.ends(), @"
    Value of API_KEY:
    interrupted: nothing was changed
    ends with 130
    ");
}
