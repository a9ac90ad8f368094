//! `hearth man`: a page for each command.

use crate::home::Home;

#[test]
fn manual_page_contains_the_help() {
    let page = Home::new().run_to_transcript(&["man", "jobs", "run"]);
    assert!(page.contains(".TH hearth-jobs-run 1 "), "{page}");
    for text in [
        r"hearth\-jobs\-run \- Create a job: one\-off, scheduled or continuous",
        r"\fB\-\-schedule\fR",
        "Run on a schedule: five fields",
        "Send mail: none, all, onfinish or onfailure",
        ".SH EVERYWHERE",
        r"\fB\-\-dry\-run\fR",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    let all = Home::new().run_to_transcript(&["man"]);
    assert!(all.contains(r"hearth\-whoami(1)") && all.contains("HEARTH_TOKEN"), "{all}");
    insta::assert_snapshot!(Home::new().run_to_transcript(&["man", "jobs", "shwo"]), @"
    err| error: there is no command hearth jobs shwo [no-such-command]
    err| next:  hearth man jobs show
    ends with 1
    ");
}

#[test]
fn manual_pages_are_written_once() {
    let home = Home::new();
    let transcript = home.run_to_transcript(&["man", "--dir", "man1", "--dry-run"]);
    assert!(
        transcript.starts_with("out| would write ") && !home.path_below("dup-finder/man1").exists(),
        "{transcript}"
    );
    let transcript = home.run_to_transcript(&["man", "--dir", "man1"]);
    assert!(transcript.contains("next:  man -l man1/hearth.1"), "{transcript}");
    for page in ["hearth.1", "hearth-jobs-run.1", "hearth-tool-members-set.1", "hearth-webservice.1"] {
        let text =
            std::fs::read_to_string(home.path_below("dup-finder/man1").join(page)).expect("the page exists");
        assert!(text.contains("\n.TH "), "{page}: {text}");
    }
    assert!(!home.path_below("dup-finder/man1/hearth-help.1").exists());
    assert!(!home.path_below("dup-finder/man1/hearth-jobs-help.1").exists());
    assert!(home.run_to_transcript(&["man", "--dir", "man1"]).starts_with("out| nothing to change: "));
    home.write("dup-finder/man1/hearth.1", "old\n");
    assert!(home.run_to_transcript(&["man", "--dir", "man1"]).starts_with("out| ✓ 1 of "));
}
