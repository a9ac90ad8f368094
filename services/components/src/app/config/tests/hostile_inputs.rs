//! Hostile configurations: they are refused early, with a short error.

use hearth_base::ErrorKind;

use super::{super::MAX_CONFIG_BYTES, list_problems, read_text};

#[test]
fn repeated_anchors_are_limited() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (one, next) in ["a", "b", "c", "d", "e", "f"].iter().zip(["b", "c", "d", "e", "f", "g"]) {
        bomb += &format!("{next}: &{next} [{}]\n", vec![format!("*{one}"); 10].join(", "));
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 200].join(", "));
    let many = format!("a: &a x\nb: [{}]\n", vec!["*a"; 300].join(", "));
    for text in [bomb, long, many] {
        let error = read_text(&text).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "invalid-yaml"));
        let sentence = error.public_message();
        assert!(
            sentence.ends_with(
                "too many values, anchors, or nested lists and maps; write them out, or fewer of them"
            ),
            "{sentence}"
        );
    }
}

#[test]
fn deep_lists_and_maps_are_refused() {
    let blocks: String = (0..40).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for text in ["[".repeat(100_000), "{a: ".repeat(10_000), blocks] {
        let error = read_text(&text).unwrap_err();
        assert_eq!(error.code(), "invalid-yaml", "{}", error.public_message());
        assert!(error.public_message().starts_with("line "), "{}", error.public_message());
        assert!(error.public_message().len() < 200, "{}", error.public_message());
    }
}

#[test]
fn size_and_characters_of_the_text_are_limited() {
    let large = format!("# {}\n", "x".repeat(MAX_CONFIG_BYTES));
    let error = read_text(&large).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::TooLarge, "config-too-large"));
    assert_eq!(error.public_message(), "the configuration has 262147 bytes; at most 262144");
    for text in ["components:\n  web: \u{1b}[31m", "components:\n  web: \0", "components:\n  web: \u{9b}"] {
        assert_eq!(list_problems(text), ["line 2, column 8: a control character; expected text in UTF-8"]);
    }
}

#[test]
fn text_that_is_no_yaml_has_a_place() {
    for (text, expected) in [
        ("components: [", "line 1, column 13: unclosed bracket '['"),
        ("a: 1\n b: 2", "line 2, column 3: mapping values are not allowed in this context"),
        ("a: 1\na: 2\n", "line 2, column 1: duplicate mapping key: a"),
        ("a: 1\n---\nb: 2\n", "line 3, column 1: multiple YAML documents detected"),
        ("? [1, 2]\n: x", "line 1, column 3: expected string scalar"),
        ("a: .nan", "line 1, column 4: non-finite float `.nan` rejected by the configured policy"),
    ] {
        assert_eq!(list_problems(text), [expected], "{text:?}");
    }
}

#[test]
fn number_of_components_and_problems_is_limited() {
    let components = |count: usize, body: &str| {
        let list: String = (0..count).map(|number| format!("  c{number}: {body}\n")).collect();
        format!("config_version: hearth/v1\ncomponents:\n{list}")
    };
    assert_eq!(list_problems(&components(64, "{image: x}")), [""; 0]);
    assert_eq!(
        list_problems(&components(65, "{image: x}")),
        ["line 3, column 3: components has 65 components; at most 64"]
    );
    let many = list_problems(&components(64, "{colour: red, shape: round}"));
    assert_eq!((many.len(), many[50].as_str()), (51, "78 more problems are not listed"));
    let long = format!("config_version: hearth/v1\ncomponents:\n  {}: {{image: x}}\n", "a".repeat(1000));
    assert!(list_problems(&long)[0].len() < 300, "{:?}", list_problems(&long));
}
