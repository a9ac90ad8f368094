//! Build plans of uploaded folders.

use hearth_plan::{
    InMemorySource, PROBED_FILES, READ_FILES, parse_label_value, plan_build, render_label_value,
};

use super::split_records;

/// Input: each record is a file; its first byte selects the name, the rest is the content.
pub fn run_target(input: &[u8]) {
    let names: Vec<&str> = READ_FILES.into_iter().chain(PROBED_FILES).collect();
    let folder = split_records(input).take(16).fold(InMemorySource::new(), |folder, record| {
        match record.split_first() {
            Some((name, content)) => folder.with_file(names[usize::from(*name) % names.len()], content),
            None => folder,
        }
    });
    let Ok(plan) = plan_build(&folder) else { return };
    let label = render_label_value(&plan.processes);
    let quiet = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    assert!(label.bytes().all(quiet), "a label is one line of plain text: {label:?}");
    assert_eq!(
        parse_label_value(&label),
        Some(plan.processes.clone()),
        "a label survives writing and reading: {label:?}"
    );
    if let Ok(Some(text)) = plan.render_containerfile("base") {
        assert!(text.starts_with("FROM base\n"), "{text:?}");
        let from = text.lines().filter(|line| line.to_ascii_uppercase().starts_with("FROM ")).count();
        assert_eq!(from, 1, "no content of the folder becomes an instruction: {text:?}");
    }
}
