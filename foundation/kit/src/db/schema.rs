//! Column definitions by type, and indexes, for migrations. A column is `NOT NULL`, unless the function's name ends in `null`.

use sea_orm::sea_query::{ColumnDef, Index, IndexCreateStatement, IntoIden};

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident, $or_null:ident: $kind:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(name: impl IntoIden) -> ColumnDef {
            ColumnDef::new(name).$kind().not_null().take()
        }

        /// The same, nullable.
        pub fn $or_null(name: impl IntoIden) -> ColumnDef {
            ColumnDef::new(name).$kind().null().take()
        }
    )*};
}

columns! {
    /// A 64-bit integer.
    big_integer, big_integer_null: big_integer;
    /// Bytes.
    blob, blob_null: blob;
    /// A boolean.
    boolean, boolean_null: boolean;
    /// A 32-bit integer.
    integer, integer_null: integer;
    /// A JSON document.
    json, json_null: json;
    /// A short text.
    string, string_null: string;
    /// A long text.
    text, text_null: text;
}

/// An auto-incremented 64-bit integer as the primary key.
pub fn big_pk_auto(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().take()
}

/// A text of at most `length` characters.
pub fn string_len(name: impl IntoIden, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().take()
}

/// The same, nullable.
pub fn string_len_null(name: impl IntoIden, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).null().take()
}

/// An index of a table on these columns.
pub fn build_index(
    name: impl Into<String>,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}
