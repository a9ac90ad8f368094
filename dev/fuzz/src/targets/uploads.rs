//! Uploaded folders: how they become images.

use hearth_plan::{InMemory, LOOKED_AT, READ, label_value, plan, processes_of};

use super::records;

/// Each record is a file: the first byte chooses its name, the rest is its content.
pub fn uploads(input: &[u8]) {
    let names: Vec<&str> = READ.into_iter().chain(LOOKED_AT).collect();
    let folder = records(input).take(16).fold(InMemory::new(), |folder, record| match record.split_first() {
        Some((name, content)) => folder.with(names[usize::from(*name) % names.len()], content),
        None => folder,
    });
    let Ok(plan) = plan(&folder) else { return };
    let label = label_value(&plan.processes);
    let quiet = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    assert!(label.bytes().all(quiet), "a label is one line of plain text: {label:?}");
    assert_eq!(processes_of(&label), Some(plan.processes.clone()), "a label reads back: {label:?}");
    if let Ok(Some(text)) = plan.containerfile("base") {
        assert!(text.starts_with("FROM base\n"), "{text:?}");
        let from = text.lines().filter(|line| line.to_ascii_uppercase().starts_with("FROM ")).count();
        assert_eq!(from, 1, "nothing of the folder becomes an instruction: {text:?}");
    }
}
