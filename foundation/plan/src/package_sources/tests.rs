//! Parsing and rendering of package sources.

use super::*;

const SOURCE_FILE: &str = "# PostgreSQL\nTypes: deb deb-src\nURIs: https://apt.example.org/pub/repos/apt\n\
                    Suites: bookworm-pgdg\nComponents:\n main\n 17\nArchitectures: amd64 arm64\n\
                    Signed-By: /usr/share/keyrings/pgdg.asc\n";

fn build_sources(overrides_debian: bool) -> Result<BuildPackageSources> {
    let key = PackageSourceKey::parse_file(&[0x99, 0, 1, 4])?;
    let source = |name: &str, file: &str, overrides_debian| {
        Result::Ok(BuildPackageSource {
            name: name.parse()?,
            file: PackageSourceFile::parse(file)?,
            key: key.clone(),
            overrides_debian,
        })
    };
    let flat = "Types: deb\nURIs: http://127.0.0.1:8080/flat\nSuites: ./\n";
    Ok(BuildPackageSources::new(vec![
        source("pgdg", SOURCE_FILE, false)?,
        source("flat", flat, overrides_debian)?,
    ]))
}

#[test]
fn source_is_stored_without_comments_key_and_sources_of_programs() -> Result<()> {
    let file = PackageSourceFile::parse(SOURCE_FILE)?;
    assert_eq!(
        file.render_file(),
        "Types: deb\nURIs: https://apt.example.org/pub/repos/apt\nSuites: bookworm-pgdg\nComponents: main 17\n\
         Architectures: amd64 arm64\n"
    );
    assert_eq!(PackageSourceFile::parse(&file.render_file())?, file);
    assert_eq!(PackageSourceFile::parse(&SOURCE_FILE.replace('\n', "\r\n"))?, file);
    Ok(())
}

#[test]
fn fields_that_weaken_signatures_and_unknown_fields_are_refused_by_line() {
    for (line, problem) in [
        ("Trusted: yes", "has the field trusted, which switches off the check of signatures"),
        ("allow-insecure: yes", "has the field allow-insecure, which"),
        ("Allow-Weak: yes", "has the field allow-weak, which"),
        ("Snapshot: 2026", "has the unknown field snapshot"),
        ("types: deb", "repeats the field types"),
        ("Architectures: $(ARCH)", "has an invalid value of architectures"),
        ("Architectures:", "has 0 values of architectures"),
        ("deb http://x.example/ y main", "is not of the form FIELD: VALUE"),
        ("Description: \u{1b}[2J", "contains control characters"),
        ("\nTypes: deb", "begins a second stanza"),
    ] {
        let text = SOURCE_FILE.replace("Architectures: amd64 arm64", line);
        let error = PackageSourceFile::parse(&text).map_err(|error| error.public_message().to_owned());
        assert!(error.as_ref().is_err_and(|message| message.contains(problem)), "{line}: {error:?}");
        let number = if line.starts_with('\n') { 9 } else { 8 };
        assert!(error.is_err_and(|message| message.starts_with(&format!("line {number} "))), "{line}");
    }
}

#[test]
fn address_with_a_password_an_option_or_a_local_file_is_refused() {
    for uri in [
        "file:///etc",
        "cdrom:x",
        "https://ada:secret@apt.example.org/",
        "https:///x",
        "https://apt.example.org/$(id)",
        "https://apt.example.org/?x",
        "https://apt.example.org:port/",
        "https://-x/",
        "mirror+https://apt.example.org/",
        "https://apt.example.org/'",
    ] {
        let text = SOURCE_FILE.replace("https://apt.example.org/pub/repos/apt", uri);
        assert!(PackageSourceFile::parse(&text).is_err(), "{uri}");
    }
}

#[test]
fn missing_fields_are_named() {
    for (line, missing) in [
        ("Types: deb deb-src", "no Types: deb"),
        ("URIs: https://apt.example.org/pub/repos/apt", "no URIs"),
        ("Suites: bookworm-pgdg", "no Suites"),
        ("Components:\n main\n 17", "no Components"),
    ] {
        let error = PackageSourceFile::parse(&SOURCE_FILE.replace(line, "# none")).unwrap_err();
        assert!(error.public_message().ends_with(missing), "{error}");
    }
    assert!(PackageSourceFile::parse(&SOURCE_FILE.replace("bookworm-pgdg", "./")).is_err());
}

#[test]
fn each_source_has_its_own_key_and_lower_priority_than_debian() -> Result<()> {
    let files = build_sources(false)?.list_files();
    let find = |name: &str| files.iter().find(|file| file.name == name).cloned().unwrap();
    let source = find("hearth-pgdg.sources");
    assert_eq!(source.path, "/etc/apt/sources.list.d/hearth-pgdg.sources");
    assert!(
        source.content.ends_with("\nSigned-By: /etc/apt/keyrings/hearth-pgdg.asc\n"),
        "{}",
        source.content
    );
    assert_eq!(find("hearth-pgdg.asc").path, "/etc/apt/keyrings/hearth-pgdg.asc");
    assert_eq!(find("hearth-flat.pref").content, "Package: *\nPin: origin \"127.0.0.1\"\nPin-Priority: 50\n");
    assert_eq!(files.len(), 6);
    let overriding = build_sources(true)?.list_files();
    assert!(!overriding.iter().any(|file| file.name == "hearth-flat.pref"));
    Ok(())
}

#[test]
fn install_guard_changes_with_the_sources_and_names_pinned_hosts() -> Result<()> {
    let (pinned, overriding) = (build_sources(false)?, build_sources(true)?);
    let (guard, other) = (pinned.render_install_guard(), overriding.render_install_guard());
    assert!(
        guard.starts_with(": package sources flat pgdg ") && guard.contains("-e //127.0.0.1: "),
        "{guard}"
    );
    assert!(!other.contains("127.0.0.1") && other.contains("-e //apt.example.org/ "), "{other}");
    assert_ne!(guard.split(" && ").next(), other.split(" && ").next());
    assert!(!guard.contains('\n'));
    Ok(())
}
