//! Sources that try to be more than data.

use hearth_plan::{InMemory, MOST_BYTES, PROCESSES_LABEL, plan, processes_of};

/// Reads the label out of a Containerfile as its readers do: one level of backslashes inside quotation marks.
fn label(text: &str) -> String {
    let line = text.lines().last().unwrap();
    let quoted =
        line.strip_prefix(&format!("LABEL {PROCESSES_LABEL}=\"")).unwrap().strip_suffix('"').unwrap();
    let mut value = String::new();
    let mut symbols = quoted.chars();
    while let Some(symbol) = symbols.next() {
        value.push(if symbol == '\\' { symbols.next().unwrap() } else { symbol });
    }
    value
}

#[test]
fn a_command_stays_what_it_is() {
    for command in [
        r#"sh -c 'echo "hello $NAME" && echo `id` # \o/'"#,
        r#"" org.hearth.processes="{}"#,
        r"a\ntwo",
        "${PATH}$(id)",
        "ä 𝄞 \u{2028} x",
        "'single' \"double\" {\"json\": 1}",
    ] {
        let source = InMemory::new().with("Procfile", format!("web: {command}\n"));
        let plan = plan(&source).unwrap();
        let text = plan.containerfile("base").unwrap().unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!(processes_of(&label(&text)).unwrap()["web"], command);
    }
}

#[test]
fn what_a_source_says_stands_in_no_instruction() {
    let text = r#"{"name": "x\nRUN evil", "scripts": {"start": "evil", "build": "evil\nRUN evil"}}"#;
    let source = InMemory::new().with("package.json", text).with("package-lock.json", "evil");
    let made = plan(&source).unwrap().containerfile("base").unwrap().unwrap();
    assert!(!made.contains("evil"), "{made}");
}

#[test]
fn a_file_that_is_too_long_or_no_text_is_refused() {
    let long = InMemory::new().with("Procfile", vec![b'a'; MOST_BYTES as usize + 1]);
    assert!(plan(&long).is_err_and(|error| error.public().contains("longer")));
    let binary = InMemory::new().with("requirements.txt", vec![0xff, 0xfe]);
    assert!(plan(&binary).is_err_and(|error| error.public().contains("UTF-8")));
}

#[test]
fn names_of_files_are_shown_without_what_a_terminal_obeys() {
    let source = InMemory::new().with("\u{1b}[31mred", "").named("x".repeat(5000));
    let error = plan(&source).err().unwrap();
    assert!(error.sentences().all(|sentence| !sentence.contains('\u{1b}') && sentence.len() < 400));
}
