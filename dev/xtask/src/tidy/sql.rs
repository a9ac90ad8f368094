//! The database is touched in one place per service, `src/store/`, and in `foundation/kit/src/db/`.

use super::finding::Finding;
use crate::{
    rust::{Token, parse_tokens},
    tree::Tree,
};

/// Names of the libraries that speak SQL. These and the verbs are written in two parts, so that the check does
/// not find itself.
const DATABASE_LIBRARIES: [&str; 4] =
    [concat!("sea", "_orm"), concat!("sea", "_orm_migration"), concat!("sea", "_query"), concat!("sq", "lx")];

/// First words of statements and a word that each then contains: prose may start with a verb in capitals too.
const STATEMENT_STARTS: [(&str, &str); 5] = [
    (concat!("SEL", "ECT "), ""),
    (concat!("INS", "ERT INTO "), ""),
    (concat!("UPD", "ATE "), "SET "),
    (concat!("DEL", "ETE FROM "), ""),
    (concat!("CRE", "ATE TABLE"), ""),
];

/// Check every Rust file outside the places where the database is at home.
pub fn check_sql(tree: &Tree) -> Vec<Finding> {
    let strangers = tree.ending_in(".rs").filter(|(path, _)| !is_at_home(path));
    strangers.flat_map(|(path, source)| check_file(path, source)).collect()
}

fn check_file(path: &str, source: &str) -> Vec<Finding> {
    // What is not Rust is a finding of `words`.
    let tokens = parse_tokens(source).unwrap_or_default();
    let found = tokens.iter().filter_map(|token| Some((token.line, describe_statement(token)?)));
    found
        .map(|(line, what)| {
            Finding::error(
                path,
                what,
                "move it to the service's src/store/, or to foundation/kit/src/db/ if every service needs it",
            )
            .at_line(line)
        })
        .collect()
}

fn describe_statement(token: &Token) -> Option<String> {
    if token.quoted {
        // Indentation, and line ends both as such and as escapes.
        let text = token.text.trim_start_matches(['\\', 'n', '\n', ' ']);
        let (verb, _) =
            STATEMENT_STARTS.iter().find(|(verb, rest)| text.starts_with(verb) && text.contains(rest))?;
        Some(format!("a text starts with {} and looks like SQL", verb.trim()))
    } else {
        DATABASE_LIBRARIES.contains(&token.text.as_str()).then(|| format!("{} is used here", token.text))
    }
}

fn is_at_home(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["foundation", "kit", "src", "db" | "db.rs", ..] | ["foundation", "kit", "tests", ..] => true,
        ["services", _, "src", "store" | "store.rs", ..] => true,
        ["services", _, "tests", inner @ ..] => {
            inner.iter().any(|part| matches!(*part, "store" | "store.rs"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY_IMPORT: &str = concat!("use sea", "_orm::entity::prelude::*;\n");

    fn find_in_source(path: &str, source: &str) -> Vec<Finding> {
        check_sql(&Tree::from([(path, source)]))
    }

    #[test]
    fn a_handler_that_knows_the_database_is_found() {
        let findings =
            find_in_source("services/jobs/src/http/list.rs", &format!("//! Lists.\n{LIBRARY_IMPORT}"));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, Some(2));
        assert!(findings[0].next.contains("src/store/"));
    }

    #[test]
    fn statements_in_texts_are_found_however_they_are_laid_out() {
        let statements = [
            concat!("\"SEL", "ECT a FROM b\""),
            concat!("r#\"\n    INS", "ERT INTO b VALUES (1)\"#"),
            concat!("\"\\\n   UPD", "ATE b\n SET a = 1\""),
            concat!("\"\\n DEL", "ETE FROM b\""),
            concat!("\"CRE", "ATE TABLE b (a int)\""),
        ];
        for statement in statements {
            let source = format!("const A: &str = {statement};");
            assert_eq!(find_in_source("apps/hearthd/src/main.rs", &source).len(), 1, "{statement}");
        }
    }

    #[test]
    fn prose_and_comments_are_not_statements() {
        let source = concat!("// SEL", "ECT a; sq", "lx\nconst A: &str = \"UPD", "ATE your client\";");
        assert!(find_in_source("apps/hearth/src/main.rs", source).is_empty());
        assert!(find_in_source("apps/hearth/src/main.rs", "const A: &str = \"Select one\";").is_empty());
    }

    #[test]
    fn the_store_of_a_service_and_the_database_part_of_kit_are_its_home() {
        for path in [
            "services/jobs/src/store/runs.rs",
            "services/jobs/src/store.rs",
            "services/jobs/tests/it/store/runs.rs",
            "services/jobs/tests/it/store.rs",
            "foundation/kit/src/db/lease.rs",
            "foundation/kit/src/db.rs",
            "foundation/kit/tests/it/lease.rs",
        ] {
            assert!(find_in_source(path, LIBRARY_IMPORT).is_empty(), "{path}");
        }
        for path in [
            "services/jobs/src/app/store.rs",
            "services/jobs/tests/it/restart.rs",
            "foundation/kit/src/lib.rs",
            "dev/testkit/src/lib.rs",
        ] {
            assert_eq!(find_in_source(path, LIBRARY_IMPORT).len(), 1, "{path}");
        }
    }
}
