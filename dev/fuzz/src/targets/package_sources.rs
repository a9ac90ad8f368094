//! Files and keys of package sources.

use hearth_plan::{BuildPackageSource, BuildPackageSources, PackageSourceFile, PackageSourceKey};

use super::{decode_text, split_records};

/// Fields of a rendered file.
const RENDERED_FIELDS: [&str; 6] = [
    "Types: deb",
    "URIs: http",
    "Suites: ",
    "Components: ",
    "Architectures: ",
    "Signed-By: /etc/apt/keyrings/",
];

/// Input: the file, and the key.
pub fn run_target(input: &[u8]) {
    let mut records = split_records(input);
    let (file, key) = (decode_text(records.next()), records.next().unwrap_or_default());
    let key = PackageSourceKey::parse_file(key).or_else(|_| PackageSourceKey::parse_file(&[0x99, 0, 1, 4]));
    let (Ok(file), Ok(key), Ok(name)) = (PackageSourceFile::parse(&file), key, "x".parse()) else { return };
    assert_eq!(
        PackageSourceFile::parse(&file.render_file()).ok().as_ref(),
        Some(&file),
        "a rendered file is read again"
    );
    assert_eq!(
        PackageSourceKey::parse(&key.render_armor()).ok().as_ref(),
        Some(&key),
        "a rendered key is read again"
    );
    let source = BuildPackageSource { name, file, key, overrides_debian: false };
    let sources = BuildPackageSources::new(vec![source]);
    for shown in sources.list_files().iter().filter(|shown| shown.name.ends_with(".sources")) {
        for line in shown.content.lines() {
            assert!(
                RENDERED_FIELDS.iter().any(|field| line.starts_with(field)),
                "each line is a field that Hearth writes: {line:?}"
            );
        }
    }
    let guard = sources.render_install_guard();
    let is_plain = |symbol: char| symbol.is_ascii_graphic() || symbol == ' ';
    assert!(guard.chars().all(is_plain), "no text of a source ends a line of a recipe: {guard:?}");
    assert!(
        !guard.contains(['$', '`', '\\', '"']),
        "no text of a source is expanded by the shell: {guard:?}"
    );
}
