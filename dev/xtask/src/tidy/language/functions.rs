//! Function names that other modules see are a verb and an object.

use super::{
    LanguageTotals, Violation,
    items::{Item, ItemKind},
    word_list::WordList,
};

/// Checks the functions of one file, and counts all of them.
pub fn check_functions(
    path: &str,
    items: &[Item<'_>],
    allowed: &WordList,
    totals: &mut LanguageTotals,
) -> Vec<Violation> {
    let functions = || items.iter().filter(|item| item.kind == ItemKind::Function);
    let one_word = || functions().filter(|item| !item.name.trim_matches('_').contains('_'));
    totals.functions += functions().count();
    totals.one_word_functions += one_word().count();
    let refused = one_word().filter(|item| {
        item.is_visible && !item.is_demanded && !item.is_accessor && !allowed.contains(item.name)
    });
    refused
        .map(|item| Violation {
            check: "function",
            path: path.to_owned(),
            line: item.line,
            subject: item.name.to_owned(),
            message: format!("the function name {} is one word", item.name),
            next: "name the action and its object, as in claim_due_jobs",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rust::parse_tokens, tidy::language::items::find_items};

    #[test]
    fn visible_functions_of_one_word_are_refused_unless_allowed() {
        let source = "pub fn settle() {} pub fn run() {} fn hidden() {} pub fn settle_runs() {} impl A for B { fn eq() {} }";
        let tokens = parse_tokens(source).unwrap();
        let mut totals = LanguageTotals::default();
        let violations = check_functions("a.rs", &find_items(&tokens), &WordList::parse("run"), &mut totals);
        let subjects: Vec<_> = violations.iter().map(|violation| violation.subject.as_str()).collect();
        assert_eq!(subjects, ["settle"]);
        assert_eq!((totals.functions, totals.one_word_functions), (5, 4));
    }
}
