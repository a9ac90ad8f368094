//! `toolforge envvars`.

use hearth_base::Result;
use hearth_testkit::Hearth;
use serde_json::{Value, json};

use super::Terminal;

async fn every_command_of_toolforge_envvars(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let terminal = Terminal::open(&hearth, &operator, "hello").await?;
    run_every_command(&terminal);
    hearth.stop().await
}

async fn every_command_and_flag_of_toolforge_envvars(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let older = Terminal::open(&hearth, &operator, "hello").await?;
    let newest = Terminal::open(&hearth, &operator, "second").await?.with_newest_clients();
    for terminal in [older, newest] {
        run_every_command(&terminal);
        run_remaining_flags(&terminal);
        terminal.check_all_options_used(&["envvars"]);
        terminal.check_all_options_used(&[]);
    }
    hearth.stop().await
}

fn run_every_command(terminal: &Terminal) {
    let rows = |out: String| -> Vec<String> {
        out.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let json = |words: &[&str]| serde_json::from_str::<Value>(&terminal.run_successfully(words)).unwrap();

    assert_eq!(rows(terminal.run_successfully(&["envvars", "create", "API_KEY", "one"])), ["API_KEY one"]);
    assert_eq!(rows(terminal.run_successfully(&["envvars", "create", "API_KEY", "two"])), ["API_KEY two"]);
    let made = json(&["envvars", "create", "WIKI_URL", "https://w.example", "--json"]);
    assert_eq!(made["envvar"], json!({"name": "WIKI_URL", "value": "https://w.example"}));

    let hidden = terminal.run_successfully(&["envvars", "list"]);
    assert!(hidden.contains("API_KEY") && !hidden.contains("two"), "{hidden}");
    let shown = terminal.run_successfully(&["envvars", "list", "--show-values"]);
    assert_eq!(rows(shown), ["API_KEY two", "WIKI_URL https://w.example"]);
    assert_eq!(json(&["envvars", "list", "--json"])["envvars"].as_array().unwrap().len(), 2);

    assert_eq!(rows(terminal.run_successfully(&["envvars", "show", "API_KEY"])), ["API_KEY two"]);
    assert_eq!(terminal.run_successfully(&["envvars", "show", "API_KEY", "--raw"]), "two");
    assert_eq!(json(&["envvars", "show", "API_KEY", "--json"])["envvar"]["value"], "two");

    assert_eq!(rows(terminal.run_successfully(&["envvars", "quota"])), ["64 2 62"]);
    assert_eq!(json(&["envvars", "quota", "--json"])["quota"], json!({"quota": 64, "used": 2}));

    let deleted = terminal.run_successfully(&["envvars", "delete", "API_KEY", "--yes-im-sure"]);
    assert!(deleted.contains("Deleted API_KEY") && deleted.contains("two"), "{deleted}");
    let deleted_show = terminal.run_toolforge(&["envvars", "show", "API_KEY"]);
    assert_eq!(deleted_show.status, Some(1));
    // This client prints refusals on standard output.
    assert!(deleted_show.out.contains("there is no variable API_KEY"), "{}", deleted_show.out);

    let warned = terminal.run_toolforge(&["envvars", "create", "lower", "x"]);
    assert_eq!(warned.status, Some(0), "{}", warned.err);
    assert!(warned.err.contains("Warning: lower works here"), "{}", warned.err);
    for (name, sentence) in [("PORT", "PORT is set by Hearth"), ("A-B", "cannot be a variable's name")] {
        let refused = terminal.run_toolforge(&["envvars", "create", name, "x"]);
        assert_eq!(refused.status, Some(1));
        assert!(refused.out.contains(sentence), "{}", refused.out);
    }
}

fn run_remaining_flags(terminal: &Terminal) {
    let long = "x".repeat(80);
    terminal.run_successfully(&["envvars", "create", "LONG_ONE", &long]);
    let [cut, whole, read, verbose, version] = terminal
        .run_all_successfully(&[
            &["envvars", "list", "--show-values", "--truncate"],
            &["envvars", "list", "--show-values", "--no-truncate"],
            &["envvars", "show", "LONG_ONE", "--raw"],
            &["--verbose", "envvars", "show", "LONG_ONE", "--raw"],
            &["--version"],
        ])
        .try_into()
        .unwrap();
    assert!(cut.contains(&format!("{}...", &long[..50])) && !cut.contains(&long), "{cut}");
    assert!(whole.contains(&long), "{whole}");
    assert_eq!([&*read, &*verbose], [&*long, &*long]);
    assert!(version.starts_with("Toolforge CLI, version "), "{version}");
    assert!(
        terminal.run_successfully(&["envvars", "--version"]).starts_with("Toolforge envvars CLI, version ")
    );

    // With `--debug` the whole refusal is printed.
    let debug =
        terminal.run_toolforge(&["--debug", "envvars", "delete", "NOT_THERE", "--json", "--yes-im-sure"]);
    assert_eq!(debug.status, Some(1));
    assert!(debug.err.contains("Running command") && debug.out.contains("there is no variable"), "{debug:?}");
    // Without an answer to the confirmation nothing is deleted.
    let unsure = terminal.run_toolforge(&["envvars", "delete", "LONG_ONE"]);
    assert!(unsure.status != Some(0) && unsure.out.contains("Are you sure"), "{unsure:?}");
    let deleted = terminal.run_successfully(&["envvars", "delete", "LONG_ONE", "--yes-im-sure", "--json"]);
    let deleted: Value = serde_json::from_str(&deleted).unwrap();
    assert_eq!(deleted["envvar"], json!({"name": "LONG_ONE", "value": long}));
    assert!(!terminal.run_successfully(&["envvars", "list"]).contains("LONG_ONE"));
}

mod together_on_sqlite {
    hearth_testkit::in_shape!(every_command_and_flag_of_toolforge_envvars, TOGETHER_ON_FILES);
}
mod together_on_postgres {
    hearth_testkit::in_shape!(every_command_of_toolforge_envvars, TOGETHER_ON_POSTGRES);
}
mod split_on_sqlite {
    hearth_testkit::in_shape!(every_command_of_toolforge_envvars, SPLIT_ON_FILES);
}
mod split_on_postgres {
    hearth_testkit::in_shape!(every_command_of_toolforge_envvars, SPLIT_ON_POSTGRES);
}
