//! A type name means one thing: three files that declare the same name say too little.

use std::collections::BTreeMap;

use super::{
    LanguageTotals, Violation,
    items::{Item, ItemKind},
    word_list::WordList,
};

/// So many files may declare the same type name.
const MAX_FILES_PER_NAME: usize = 2;

/// The files and lines that declare each type name.
#[derive(Default)]
pub struct TypeNames {
    declarations: BTreeMap<String, BTreeMap<String, usize>>,
}

impl TypeNames {
    /// Adds the types of one file that are not demanded by a trait.
    pub fn record_types(&mut self, path: &str, items: &[Item<'_>]) {
        for item in items.iter().filter(|item| item.kind == ItemKind::Type && !item.is_demanded) {
            let files = self.declarations.entry(item.name.to_owned()).or_default();
            files.entry(path.to_owned()).or_insert(item.line);
        }
    }

    /// The names that too many files declare, once for each file.
    pub fn find_repeated(self, exempt: &WordList, totals: &mut LanguageTotals) -> Vec<Violation> {
        let repeated = self
            .declarations
            .into_iter()
            .filter(|(name, files)| files.len() > MAX_FILES_PER_NAME && !exempt.contains(name));
        let mut violations = Vec::new();
        for (name, files) in repeated {
            totals.repeated_types += 1;
            let count = files.len();
            violations.extend(files.into_iter().map(|(path, line)| Violation {
                check: "type",
                path,
                line,
                subject: name.clone(),
                message: format!("{count} files declare a type {name}"),
                next: "say which one it is: JobSpec, StreamCursor, ListBuildsArgs",
            }));
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rust::parse_tokens, tidy::language::items::find_items};

    #[test]
    fn a_name_in_three_files_is_refused_in_each_of_them() {
        let mut types = TypeNames::default();
        for path in ["a.rs", "b.rs", "c.rs"] {
            let tokens =
                parse_tokens("struct Plan; struct Model; impl A for B { type Output = u8; }").unwrap();
            types.record_types(path, &find_items(&tokens));
        }
        let tokens = parse_tokens("struct Step;").unwrap();
        types.record_types("a.rs", &find_items(&tokens));
        types.record_types("b.rs", &find_items(&tokens));
        let mut totals = LanguageTotals::default();
        let violations = types.find_repeated(&WordList::parse("Model"), &mut totals);
        let found: Vec<_> =
            violations.iter().map(|violation| format!("{} {}", violation.path, violation.subject)).collect();
        assert_eq!(found, ["a.rs Plan", "b.rs Plan", "c.rs Plan"]);
        assert_eq!(totals.repeated_types, 1);
    }
}
