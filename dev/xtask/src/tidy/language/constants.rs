//! Constants carry their subject: `MAX_CLAIMS_PER_PASS`, not `MOST`.

use super::{
    LanguageTotals, Violation,
    items::{Item, ItemKind},
    word_list::WordList,
};

/// Checks the constants of one file that are not demanded by a trait.
pub fn check_constants(
    path: &str,
    items: &[Item<'_>],
    allowed: &WordList,
    totals: &mut LanguageTotals,
) -> Vec<Violation> {
    let is_bare =
        |item: &&Item<'_>| !item.is_demanded && !item.name.contains('_') && !allowed.contains(item.name);
    let bare: Vec<_> = items
        .iter()
        .filter(|item| item.kind == ItemKind::Constant)
        .filter(is_bare)
        .map(|item| Violation {
            check: "constant",
            path: path.to_owned(),
            line: item.line,
            subject: item.name.to_owned(),
            message: format!("the constant {} has no subject", item.name),
            next: "say what it limits, counts or names, as in MAX_CLAIMS_PER_PASS",
        })
        .collect();
    totals.bare_constants += bare.len();
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rust::parse_tokens, tidy::language::items::find_items};

    #[test]
    fn constants_of_one_word_are_refused() {
        let source = "const MOST: u8 = 1; const MAX_CLAIMS: u8 = 1; impl A for B { const ID: u8 = 1; } \
                      impl B { const ALL: u8 = 1; }";
        let tokens = parse_tokens(source).unwrap();
        let violations = check_constants(
            "a.rs",
            &find_items(&tokens),
            &WordList::parse("ALL"),
            &mut LanguageTotals::default(),
        );
        let subjects: Vec<_> = violations.iter().map(|violation| violation.subject.as_str()).collect();
        assert_eq!(subjects, ["MOST"]);
    }
}
