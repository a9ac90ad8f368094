//! `hearth envvars import` and `export`: dotenv files, looked at before anything is changed.

use crate::{door::Answers, home::Home};

#[test]
fn a_file_is_imported_after_a_preview_and_a_yes() {
    let changes = r#"{"changes": {"created": ["FRESH"], "changed": ["API_KEY"], "unchanged": ["URL"],
        "deleted": ["OLD"]}, "messages": {"info": [], "warning": ["fresh works here"], "error": []}}"#;
    let home = Home::of_tool(Answers::from([("PATCH /envvars/v1/tool/dup-finder/envvars", (200, changes))]));
    home.write("dup-finder/.env", "FRESH=\"a b\"\nexport API_KEY='s3cret'\nURL=x$y\n");
    let words = ["envvars", "import", ".env", "--prune"];
    insta::assert_snapshot!(home.says(&words), @"
    err| warning: fresh works here
    err| warning: the $ in URL stays as it is: nothing is put into values
    err| FRESH	would be added
    err| API_KEY	would be changed
    err| OLD	would be deleted
    err| URL	nothing to change
    err| error: nobody confirmed to set 2 variables [not-confirmed]
    err|        Nothing is asked, because there is no terminal.
    err| next:  hearth envvars import .env --prune --yes
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&[&words[..], &["--dry-run", "--show-values"]].concat()), @"
    out| FRESH	would be added	a b
    out| API_KEY	would be changed	s3cret
    out| OLD	would be deleted
    out| URL	nothing to change	x$y
    err| warning: fresh works here
    err| warning: the $ in URL stays as it is: nothing is put into values
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&[&words[..], &["--yes", "--secret"]].concat()), @"
    out| ✓ 1 new, 1 changed, 1 as before, 1 deleted; runs that start from now on have it so
    err| warning: fresh works here
    err| warning: the $ in URL stays as it is: nothing is put into values
    err| FRESH	would be added
    err| API_KEY	would be changed
    err| OLD	would be deleted
    err| URL	nothing to change
    ends with 0
    ");
    insta::assert_snapshot!(home.asked().last().expect("it was asked"), @r#"PATCH /envvars/v1/tool/dup-finder/envvars {"envvars":[{"name":"FRESH","value":"a b","secret":true},{"name":"API_KEY","value":"s3cret","secret":true},{"name":"URL","value":"x$y","secret":true}],"delete":["OLD"]}"#);
    insta::assert_snapshot!(home.says_given(&["envvars", "import", "-", "--yes", "--json"], "URL=x\n"), @r#"
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
fn a_file_that_cannot_be_is_refused_with_every_line_that_is_wrong() {
    let home = Home::of_tool(Answers::from([("GET /none", (404, ""))]));
    home.write("dup-finder/.env", "GOOD=1\nAPI-KEY=s3cret\njust words\nGOOD=2\nLAST='open\n");
    insta::assert_snapshot!(home.says(&["envvars", "import", ".env"]), @r#"
    err| error: .env, line 2: "API-KEY" cannot be a variable's name: 1 to 128 letters, digits and underscores, not beginning with a digit [dotenv]
    err|        .env, line 3: there is no = behind the name
    err|        .env, line 4: GOOD is there twice, first on line 1
    err|        .env, line 5: a quote is not closed
    err| next:  write NAME=value lines; nothing was changed
    ends with 1
    "#);
    insta::assert_snapshot!(home.says(&["envvars", "import", "none.env"]), @"
    err| error: none.env cannot be used: there is no such file or folder [dotenv]
    err| next:  name a file with NAME=value lines, or - for standard input
    ends with 1
    ");
    insta::assert_snapshot!(home.says(&["envvars", "import", "-"]), @"
    err| error: - cannot be used: standard input is empty [dotenv]
    err| next:  name a file with NAME=value lines, or - for standard input
    ends with 1
    ");
    assert!(home.asked().is_empty());
}

#[test]
fn an_export_is_the_owners_alone_and_names_secrets_without_their_values() {
    let home = Home::of_tool(Answers::from([(
        "GET /envvars/v1/tool/dup-finder/envvars",
        (
            200,
            r#"{"envvars": [{"name": "API_KEY", "value": "", "secret": true}, {"name": "TWO", "value": "a\nb $c"},
                {"name": "URL", "value": "https://x.example/?a=b"}], "messages": {}}"#,
        ),
    )]));
    insta::assert_snapshot!(home.says(&["envvars", "export"]), @r#"
    out| # API_KEY is a secret: its value is not here
    out| TWO="a\nb \$c"
    out| URL='https://x.example/?a=b'
    err| 1 of 3 are secrets, and their values are not written
    ends with 0
    "#);
    insta::assert_snapshot!(home.says(&["envvars", "export", ".env"]), @"
    out| ✓ 3 variables are written to .env, for you alone to read
    err| 1 of 3 are secrets, and their values are not written
    ends with 0
    ");
    insta::assert_snapshot!(home.says(&["envvars", "export", ".env"]), @"
    out| nothing to change: .env says the same
    err| 1 of 3 are secrets, and their values are not written
    ends with 0
    ");
    let file = home.path("dup-finder/.env");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&file, "OTHER=1\n").expect("it is mine");
    insta::assert_snapshot!(home.says(&["envvars", "export", ".env"]), @"
    err| 1 of 3 are secrets, and their values are not written
    err| error: .env is there and says something else [file-exists]
    err| next:  hearth envvars export .env --yes
    ends with 1
    ");
    assert!(home.says(&["envvars", "export", ".env", "--yes"]).contains("3 variables are written"));
}
