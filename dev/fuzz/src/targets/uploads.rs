//! Build plans of uploaded folders.

use hearth_plan::{
    BuildRecipe, InMemorySource, PROBED_FILES, READ_FILES, list_source_images, parse_label_value, plan_build,
    render_label_value,
};

use super::split_records;

/// Input: each record is a file; its first byte selects the name, the rest is the content.
pub fn run_target(input: &[u8]) {
    let names: Vec<&str> = READ_FILES.into_iter().chain(PROBED_FILES).collect();
    let folder = split_records(input).take(16).fold(InMemorySource::new(), |folder, record| {
        match record.split_first() {
            Some((name, content)) => {
                let name = names[usize::from(*name) % names.len()];
                folder.with_file(name.replace('*', "inner"), content)
            }
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
    if let BuildRecipe::Containerfile { text, .. } = &plan.recipe {
        let images = list_source_images(text, &[("A", "b")]);
        let is_name = |name: &String| !name.starts_with('-') && !name.contains(char::is_whitespace);
        assert!(images.iter().all(is_name), "names of images are arguments of programs: {images:?}");
    }
    if let Ok(Some(text)) = plan.render_containerfile(&|_| "base".to_owned(), &[]) {
        assert!(text.starts_with("FROM base"), "{text:?}");
        let from = text.lines().filter(|line| line.to_ascii_uppercase().starts_with("FROM ")).count();
        assert_eq!(
            from,
            plan.base_images().len(),
            "no content of the folder becomes an instruction: {text:?}"
        );
    }
}
