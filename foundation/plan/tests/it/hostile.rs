//! Sources that try to inject instructions.

use hearth_plan::{InMemorySource, MAX_FILE_BYTES, PROCESSES_LABEL, parse_label_value, plan_build};

/// Reads the label of a Containerfile like its parsers: one level of backslash escapes inside quotation marks.
fn read_label(text: &str) -> String {
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
fn command_is_preserved_in_the_label() {
    for command in [
        r#"sh -c 'echo "hello $NAME" && echo `id` # \o/'"#,
        r#"" org.hearth.processes="{}"#,
        r"a\ntwo",
        "${PATH}$(id)",
        "ä 𝄞 \u{2028} x",
        "'single' \"double\" {\"json\": 1}",
    ] {
        let source = InMemorySource::new().with_file("Procfile", format!("web: {command}\n"));
        let plan = plan_build(&source).unwrap();
        let text = plan.render_containerfile(&|_| "base".to_owned(), &[]).unwrap().unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!(parse_label_value(&read_label(&text)).unwrap()["web"], command);
    }
}

#[test]
fn text_of_a_source_never_becomes_an_instruction() {
    let text = r#"{"name": "x\nRUN evil", "scripts": {"start": "evil", "build": "evil\nRUN evil"}}"#;
    let source = InMemorySource::new().with_file("package.json", text).with_file("package-lock.json", "evil");
    let made =
        plan_build(&source).unwrap().render_containerfile(&|_| "base".to_owned(), &[]).unwrap().unwrap();
    assert!(!made.contains("evil"), "{made}");
}

#[test]
fn oversized_or_binary_file_is_refused() {
    let long = InMemorySource::new().with_file("Procfile", vec![b'a'; MAX_FILE_BYTES as usize + 1]);
    assert!(plan_build(&long).is_err_and(|error| error.public_message().contains("longer")));
    let binary = InMemorySource::new().with_file("requirements.txt", vec![0xff, 0xfe]);
    assert!(plan_build(&binary).is_err_and(|error| error.public_message().contains("UTF-8")));
}

#[test]
fn file_names_are_escaped_in_errors() {
    let source = InMemorySource::new().with_file("\u{1b}[31mred", "").with_name("x".repeat(5000));
    let error = plan_build(&source).err().unwrap();
    assert!(error.public_messages().all(|sentence| !sentence.contains('\u{1b}') && sentence.len() < 400));
}
