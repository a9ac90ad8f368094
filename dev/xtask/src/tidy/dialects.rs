//! Every statement runs on SQLite, PostgreSQL and MariaDB, and keeps to what CockroachDB has too. What one of them lacks
//! is done in one helper of `foundation/kit/src/db/`, with a fall-back, and is not spelled elsewhere.

use super::finding::Finding;
use crate::{
    rust::{Token, begins_with, parse_tokens},
    tree::Tree,
};

/// The helpers that spell what one database lacks.
const DIALECT_HELPERS: [&str; 6] =
    ["columns.rs", "bulk_update.rs", "migrate.rs", "mod.rs", "old_rows.rs", "wake/postgres.rs"];

/// Words and marks in a row that no statement has, the problem with them, and what to write in their stead.
const DIALECT_RULES: [(&[&str], &str, &str); 19] = [
    (&["alter", "("], MARIADB_COMMITS, "use SchemaManager::add_column"),
    (&["alter_table"], MARIADB_COMMITS, "use SchemaManager::add_column"),
    (&["drop_column"], MARIADB_COMMITS, "leave the column: a release before this one still reads it"),
    (&["distinct_on"], "only PostgreSQL has DISTINCT ON", "group the rows"),
    (
        &["lock_with_tables"],
        "MariaDB has no FOR UPDATE OF",
        "lock the rows of one table by a query of their own",
    ),
    (&["do_nothing", "("], "MariaDB writes no statement without the key", "use do_nothing_on with the key"),
    (&["exec_with_returning"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["exec_with_returning_keys"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["returning"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["returning_all"], MARIADB_RETURNING, "read the rows in the same transaction"),
    (&["action_and_where"], "MariaDB ignores conditions of conflicts", "lock and read the row first"),
    (&["target_and_where"], "MariaDB ignores conditions of conflicts", "lock and read the row first"),
    (&["cond_where"], "MariaDB has no partial indexes", "index the condition's column too"),
    (&["ValuesList"], "MariaDB has no UPDATE … FROM VALUES", "use kit::db::bulk_update_rows"),
    (&["from_values"], "MariaDB has no UPDATE … FROM VALUES", "use kit::db::bulk_update_rows"),
    (&["full_outer_join"], "MariaDB has no full outer join", "use two queries"),
    (
        &["cast_as", "("],
        "the databases name the types of casts differently",
        "use kit::db::columns::sum_column",
    ),
    (&["execute_unprepared"], RAW_STATEMENT_MESSAGE, RAW_NEXT),
    (&["from_sql_and_values"], RAW_STATEMENT_MESSAGE, RAW_NEXT),
];

const MARIADB_COMMITS: &str = "MariaDB commits each change of a table: steps are repeated";
const MARIADB_RETURNING: &str = "MariaDB has no UPDATE … RETURNING";
const RAW_STATEMENT_MESSAGE: &str = "a statement as text is one database's";
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

/// Checks every file that speaks to a database, but the helpers.
pub fn check_dialects(tree: &Tree) -> Vec<Finding> {
    let stores = tree.ending_in(".rs").filter(|(path, _)| is_store(path));
    stores.flat_map(|(path, source)| check_file(path, source)).collect()
}

fn is_store(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["services", _, "src", "store" | "store.rs", ..] => true,
        ["foundation", "kit", "src", "db", inner @ ..] => {
            !DIALECT_HELPERS.contains(&inner.join("/").as_str())
        }
        _ => false,
    }
}

fn check_file(path: &str, source: &str) -> Vec<Finding> {
    let tokens = parse_tokens(source).unwrap_or_default();
    let at = |at: usize| {
        let (line, found) =
            (tokens[at].line, find(&tokens[at..], at.checked_sub(1).map(|before| &tokens[before]))?);
        Some(Finding::error(path, found.0, found.1).at_line(line))
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
    let rule = DIALECT_RULES.iter().find(|(words, ..)| begins_with(tokens, words))?;
    let (words, problem, next) = rule;
    is_method.then(|| (format!("{}: {problem}", words[0]), *next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_findings(path: &str, source: &str) -> usize {
        check_dialects(&Tree::from([(path, source)])).len()
    }

    #[test]
    fn statement_of_one_database_is_found_wherever_it_is_no_helpers() {
        for source in [
            "fn a() { OnConflict::column(Id).do_nothing().to_owned(); }",
            "fn a() { row::Entity::update(row).exec_with_returning(tx); }",
            "fn a() { Index::create().cond_where(x); }",
            "fn a() { column.sum().cast_as(\"bigint\"); }",
            "const A: &str = \"a ILIKE b\";",
            "fn a() { manager.execute(Table::alter().table(\"run\").to_owned()); }",
        ] {
            let findings = ["services/jobs/src/store/runs.rs", "foundation/kit/src/db/events/cursor.rs"];
            assert_eq!(findings.map(|path| count_findings(path, source)), [1, 1], "{source}");
            assert_eq!(count_findings("foundation/kit/src/db/bulk_update.rs", source), 0, "{source}");
        }
    }

    #[test]
    fn helpers_and_prose_are_no_findings() {
        for source in [
            "async fn up() { manager.create_table(table).await }",
            "fn a() { OnConflict::column(Id).do_nothing_on([Id]).to_owned(); }",
            "/// ON CONFLICT is one database's.\nfn returning() {}",
        ] {
            assert_eq!(count_findings("services/jobs/src/store/runs.rs", source), 0, "{source}");
        }
    }
}
