//! Ctrl-C at a terminal: the message about the state, and the restored terminal.

use std::net::TcpListener;

use super::TestTerminal;
use crate::{fake_server::PreparedAnswers, home::Home};

const CTRL_C: &str = "\u{3}";

/// Presses Ctrl-C while the program waits for a silent server, and returns the output.
fn interrupt_command(home: &Home, words: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    home.sign_in(&format!("http://{}", listener.local_addr().expect("the listener has an address")));
    let mut terminal = home.run_at_terminal(words);
    let connection = listener.accept().expect("the program connects");
    terminal.press_keys(CTRL_C);
    let seen = terminal.read_to_end();
    drop(connection);
    seen
}

fn build_home() -> Home {
    let api_key = r#"{"envvar": {"name": "API_KEY", "value": "s3cret"}, "messages": {}}"#;
    Home::linked_to_tool(PreparedAnswers::from([(
        "GET /envvars/v1/tool/dup-finder/envvars/API_KEY",
        (200, api_key),
    )]))
}

#[test]
fn interrupted_deployment_goes_on_and_names_the_command_to_return() {
    let home = Home::new();
    home.write("dup-finder/hearth.yaml", "tool: dup-finder\n");
    insta::assert_snapshot!(interrupt_command(&home, &["deploy", "--follow"]), @"
    ^C
    interrupted: a started deployment continues; hearth deploy --follow shows it
    ends with 130
    ");
    insta::assert_snapshot!(interrupt_command(&home, &["jobs", "restart", "web"]), @"
    ^C
    interrupted: the job may be restarting already; hearth jobs list shows it
    ends with 130
    ");
    insta::assert_snapshot!(interrupt_command(&home, &["build", "logs", "-f"]), @"
    ^C
    interrupted: the build continues; the same command shows it again
    ends with 130
    ");
}

#[test]
fn question_can_be_interrupted() {
    let home = build_home();
    let mut terminal: TestTerminal<'_> = home.run_at_terminal(&["envvars", "delete", "API_KEY"]);
    terminal.answer_question("[y/N] ", CTRL_C);
    insta::assert_snapshot!(terminal.read_to_end(), @"
    This will delete the variable API_KEY and its value. Continue? [y/N] ^C
    interrupted: nothing was changed
    ends with 130
    ");
    assert!(!home.read_requests().iter().any(|request| request.starts_with("DELETE")));
}

#[test]
fn hidden_question_can_be_interrupted_and_echo_is_restored() {
    let home = build_home();
    let mut terminal = home.run_at_terminal(&["envvars", "create", "API_KEY"]);
    terminal.answer_hidden_question("Value of API_KEY: ", &format!("s3cr{CTRL_C}"));
    let seen = terminal.read_until("interrupted: ");
    assert!(terminal.is_echo_on() && !seen.contains("s3cr"), "{seen}");
    insta::assert_snapshot!(terminal.read_to_end(), @"
    Value of API_KEY:
    interrupted: nothing was changed
    ends with 130
    ");
}
