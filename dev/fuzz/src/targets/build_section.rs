//! The section `build` of `hearth.yaml`.

use hearth_plan::{InMemorySource, plan_build};

/// Instructions that a recipe has.
const RECIPE_INSTRUCTIONS: [&str; 6] = ["FROM ", "WORKDIR ", "COPY ", "RUN ", "ENV ", "LABEL "];

/// Input: the file. The source beside it has a program, and a front end that the section may name.
pub fn run_target(input: &[u8]) {
    let source = InMemorySource::new()
        .with_file("hearth.yaml", input)
        .with_file("requirements.txt", "")
        .with_file("assets/package.json", r#"{"scripts": {"build": "x"}}"#);
    let plan = match plan_build(&source) {
        Ok(plan) => plan,
        Err(error) => {
            let is_printable = |text: &str| !text.is_empty() && !text.contains(char::is_control);
            assert!(
                error.public_messages().all(is_printable),
                "an error is text: {:?}",
                error.public_messages().collect::<Vec<_>>()
            );
            return;
        }
    };
    let Ok(Some(text)) = plan.render_containerfile(&|_| "base".to_owned(), &[]) else { return };
    for line in text.lines().filter(|line| !line.is_empty()) {
        assert!(
            RECIPE_INSTRUCTIONS.iter().any(|instruction| line.starts_with(instruction)),
            "each line is an instruction of the recipe: {line:?}"
        );
        if let Some(command) = line.strip_prefix("RUN [") {
            let words: Result<[String; 3], _> = serde_json::from_str(&format!("[{command}"));
            assert!(words.is_ok(), "a declared command is one JSON value: {line:?}");
        }
    }
    let from = text.lines().filter(|line| line.starts_with("FROM ")).count();
    assert_eq!(from, plan.base_images().len(), "no declaration becomes an instruction: {text:?}");
}
