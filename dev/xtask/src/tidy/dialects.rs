//! Every statement runs on SQLite, PostgreSQL and MariaDB, and keeps to what CockroachDB has too. What one of them lacks
//! is done in one helper of `foundation/kit/src/db/`, with a fall-back, and is not spelled in a service.

use super::finding::Finding;
use crate::{
    rust::{Token, begins, tokens},
    tree::Tree,
};

/// What a service does not spell: words and marks in a row, what is the matter with them, and what to write.
const RULES: [(&[&str], &str, &str); 14] = [
    (&["do_nothing", "("], "MariaDB writes no statement without the key", "use do_nothing_on with the key"),
    (&["exec_with_returning"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["exec_with_returning_keys"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["returning"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["returning_all"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["action_and_where"], "MariaDB ignores conditions of conflicts", "lock and read the row first"),
    (&["target_and_where"], "MariaDB ignores conditions of conflicts", "lock and read the row first"),
    (&["cond_where"], "MariaDB has no partial indexes", "index the condition's column too"),
    (&["ValuesList"], "MariaDB has no UPDATE … FROM VALUES", "use kit::db::update_each"),
    (&["from_values"], "MariaDB has no UPDATE … FROM VALUES", "use kit::db::update_each"),
    (&["full_outer_join"], "MariaDB has no full outer join", "use two queries"),
    (&["cast_as", "("], "the databases name the types of casts differently", "use kit::db::columns::sum_of"),
    (&["execute_unprepared"], RAW, RAW_NEXT),
    (&["from_sql_and_values"], RAW, RAW_NEXT),
];

const MARIADB_RETURNING: &str = "MariaDB has no UPDATE … RETURNING";
const RAW: &str = "a statement as text is one database's";
const RAW_NEXT: &str = "build it, or move it to foundation/kit/src/db/ with a fall-back";

/// Functions and operators that one database has, in texts that become SQL.
const ONE_DATABASES: [&str; 9] = [
    " ILIKE ",
    " RETURNING ",
    "::text",
    "::bigint",
    "::jsonb",
    "pg_",
    "json_extract",
    "jsonb_",
    " ON CONFLICT",
];

/// Checks every file of services that speaks to the database.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let stores = tree.ending_in(".rs").filter(|(path, _)| is_store(path));
    stores.flat_map(|(path, source)| check_file(path, source)).collect()
}

fn is_store(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts.as_slice(), ["services", _, "src", "store" | "store.rs", ..])
}

fn check_file(path: &str, source: &str) -> Vec<Finding> {
    let tokens = tokens(source).unwrap_or_default();
    let at = |at: usize| {
        let (line, found) =
            (tokens[at].line, find(&tokens[at..], at.checked_sub(1).map(|before| &tokens[before]))?);
        Some(Finding::error(path, found.0, found.1).at(line))
    };
    (0..tokens.len()).filter_map(at).collect()
}

fn find(tokens: &[Token], before: Option<&Token>) -> Option<(String, &'static str)> {
    let token = tokens.first()?;
    if token.quoted {
        let found = ONE_DATABASES.iter().find(|word| token.text.contains(*word))?;
        return Some((format!("{:?} is one database's", found.trim()), RAW_NEXT));
    }
    // A method of a statement or of the manager, and not the helper of the same name.
    let is_method = before.is_some_and(|before| before.text == "." || before.text == ":");
    let rule = RULES.iter().find(|(words, ..)| begins(tokens, words))?;
    let (words, problem, next) = rule;
    is_method.then(|| (format!("{}: {problem}", words[0]), *next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, source: &str) -> usize {
        check(&Tree::from([(path, source)])).len()
    }

    #[test]
    fn statement_of_one_database_is_found_in_a_store() {
        for source in [
            "fn a() { OnConflict::column(Id).do_nothing().to_owned(); }",
            "fn a() { row::Entity::update(row).exec_with_returning(tx); }",
            "fn a() { Index::create().cond_where(x); }",
            "fn a() { column.sum().cast_as(\"bigint\"); }",
            "const A: &str = \"a ILIKE b\";",
        ] {
            assert_eq!(found("services/jobs/src/store/runs.rs", source), 1, "{source}");
            assert_eq!(found("foundation/kit/src/db/each.rs", source), 0, "{source}");
        }
    }

    #[test]
    fn helpers_and_prose_are_no_findings() {
        for source in [
            "async fn up() { manager.create_table(table).await }",
            "fn a() { OnConflict::column(Id).do_nothing_on([Id]).to_owned(); }",
            "/// ON CONFLICT is one database's.\nfn returning() {}",
        ] {
            assert_eq!(found("services/jobs/src/store/runs.rs", source), 0, "{source}");
        }
    }
}
