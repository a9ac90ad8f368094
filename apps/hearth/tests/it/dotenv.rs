//! `hearth envvars import` and `export`: dotenv files, checked before any change.

use crate::{fake_server::PreparedAnswers, home::Home};

#[test]
fn import_shows_a_preview_and_requires_a_yes() {
    let changes = r#"{"changes": {"created": ["FRESH"], "changed": ["API_KEY"], "unchanged": ["URL"],
        "deleted": ["OLD"]}, "messages": {"info": [], "warning": ["fresh works here"], "error": []}}"#;
    let home = Home::linked_to_tool(PreparedAnswers::from([(
        "PATCH /envvars/v1/tool/dup-finder/envvars",
        (200, changes),
    )]));
    home.write("dup-finder/.env", "FRESH=\"a b\"\nexport API_KEY='s3cret'\nURL=x$y\n");
    let words = ["envvars", "import", ".env", "--prune"];
    insta::assert_snapshot!(home.run_to_transcript(&words), @"
    err| warning: fresh works here
    err| warning: the $ in URL is literal: values are not expanded
    err| FRESH	would be added
    err| API_KEY	would be changed
    err| OLD	would be deleted
    err| URL	nothing to change
    err| error: confirmation is missing: set 2 variables [not-confirmed]
    err|        hearth asks no questions without a terminal.
    err| next:  hearth envvars import .env --prune --yes
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&[&words[..], &["--dry-run", "--show-values"]].concat()), @"
    out| FRESH	would be added	a b
    out| API_KEY	would be changed	s3cret
    out| OLD	would be deleted
    out| URL	nothing to change	x$y
    err| warning: fresh works here
    err| warning: the $ in URL is literal: values are not expanded
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&[&words[..], &["--yes", "--secret"]].concat()), @"
    out| ✓ 1 new, 1 changed, 1 unchanged, 1 deleted, for new runs
    err| warning: fresh works here
    err| warning: the $ in URL is literal: values are not expanded
    err| FRESH	would be added
    err| API_KEY	would be changed
    err| OLD	would be deleted
    err| URL	nothing to change
    ends with 0
    ");
    insta::assert_snapshot!(home.read_requests().last().expect("there was a request"), @r#"PATCH /envvars/v1/tool/dup-finder/envvars {"envvars":[{"name":"FRESH","value":"a b","secret":true},{"name":"API_KEY","value":"s3cret","secret":true},{"name":"URL","value":"x$y","secret":true}],"delete":["OLD"]}"#);
    insta::assert_snapshot!(home.run_with_input(&["envvars", "import", "-", "--yes", "--json"], "URL=x\n"), @r#"
    out| {
    out|   "created": [
    out|     "FRESH"
    out|   ],
    out|   "changed": [
    out|     "API_KEY"
    out|   ],
    out|   "unchanged": [
    out|     "URL"
    out|   ],
    out|   "deleted": [
    out|     "OLD"
    out|   ],
    out|   "restarted": []
    out| }
    err| {"warning":["fresh works here"]}
    ends with 0
    "#);
}

#[test]
fn invalid_dotenv_file_is_refused_with_every_wrong_line() {
    let home = Home::linked_to_tool(PreparedAnswers::from([("GET /none", (404, ""))]));
    home.write("dup-finder/.env", "GOOD=1\nAPI-KEY=s3cret\njust words\nGOOD=2\nLAST='open\n");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "import", ".env"]), @r#"
    err| error: .env, line 2: "API-KEY" cannot be a variable's name: 1 to 128 letters, digits and underscores, not beginning with a digit [dotenv]
    err|        .env, line 3: there is no = after the name
    err|        .env, line 4: GOOD is defined twice, first on line 1
    err|        .env, line 5: a quote is not closed
    err| next:  write NAME=value lines; nothing was changed
    ends with 1
    "#);
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "import", "none.env"]), @"
    err| error: none.env cannot be used: no such file or folder [dotenv]
    err| next:  name a file with NAME=value lines, or - for standard input
    ends with 1
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "import", "-"]), @"
    err| error: - cannot be used: standard input is empty [dotenv]
    err| next:  name a file with NAME=value lines, or - for standard input
    ends with 1
    ");
    assert!(home.read_requests().is_empty());
}

#[test]
fn export_is_private_and_omits_secret_values() {
    let home = Home::linked_to_tool(PreparedAnswers::from([(
        "GET /envvars/v1/tool/dup-finder/envvars",
        (
            200,
            r#"{"envvars": [{"name": "API_KEY", "value": "", "secret": true}, {"name": "TWO", "value": "a\nb $c"},
                {"name": "URL", "value": "https://x.example/?a=b"}], "messages": {}}"#,
        ),
    )]));
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "export"]), @r#"
    out| # API_KEY is a secret; its value is not exported
    out| TWO="a\nb \$c"
    out| URL='https://x.example/?a=b'
    err| 1 of 3 variables are secrets; their values are not written
    ends with 0
    "#);
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "export", ".env"]), @"
    out| ✓ 3 variables are written to .env, which only you can read
    err| 1 of 3 variables are secrets; their values are not written
    ends with 0
    ");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "export", ".env"]), @"
    out| nothing to change: .env has this content already
    err| 1 of 3 variables are secrets; their values are not written
    ends with 0
    ");
    let file = home.path_below("dup-finder/.env");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("the file exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&file, "OTHER=1\n").expect("the file can be written");
    insta::assert_snapshot!(home.run_to_transcript(&["envvars", "export", ".env"]), @"
    err| 1 of 3 variables are secrets; their values are not written
    err| error: .env exists with other content [file-exists]
    err| next:  hearth envvars export .env --yes
    ends with 1
    ");
    assert!(
        home.run_to_transcript(&["envvars", "export", ".env", "--yes"]).contains("3 variables are written")
    );
}
