//! `hearth man`: a page for each command.

use crate::home::Home;

#[test]
fn a_page_says_what_the_help_says() {
    let page = Home::new().says(&["man", "jobs", "run"]);
    assert!(page.contains(".TH hearth-jobs-run 1 "), "{page}");
    for text in [
        r"hearth\-jobs\-run \- Make a job: run once, by the clock, or for ever",
        r"\fB\-\-schedule\fR",
        "Run by the clock: five fields",
        "Send mail: none, all, onfinish or onfailure",
        ".SH EVERYWHERE",
        r"\fB\-\-dry\-run\fR",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    let all = Home::new().says(&["man"]);
    assert!(all.contains(r"hearth\-whoami(1)") && all.contains("HEARTH_TOKEN"), "{all}");
    insta::assert_snapshot!(Home::new().says(&["man", "jobs", "shwo"]), @"
    err| error: there is no command hearth jobs shwo [no-such-command]
    err| next:  hearth man jobs show
    ends with 1
    ");
}

#[test]
fn all_pages_are_written_once() {
    let home = Home::new();
    let said = home.says(&["man", "--dir", "man1", "--dry-run"]);
    assert!(said.starts_with("out| would write ") && !home.path("dup-finder/man1").exists(), "{said}");
    let said = home.says(&["man", "--dir", "man1"]);
    assert!(said.contains("next:  man -l man1/hearth.1"), "{said}");
    for page in ["hearth.1", "hearth-jobs-run.1", "hearth-tool-members-set.1", "hearth-webservice.1"] {
        let text = std::fs::read_to_string(home.path("dup-finder/man1").join(page)).expect("it is written");
        assert!(text.contains("\n.TH "), "{page}: {text}");
    }
    assert!(!home.path("dup-finder/man1/hearth-help.1").exists());
    assert!(!home.path("dup-finder/man1/hearth-jobs-help.1").exists());
    assert!(home.says(&["man", "--dir", "man1"]).starts_with("out| nothing to change: "));
    home.write("dup-finder/man1/hearth.1", "old\n");
    assert!(home.says(&["man", "--dir", "man1"]).starts_with("out| ✓ 1 of "));
}
