//! Package URLs (<https://github.com/package-url/purl-spec>).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Distribution, Package, PackageKind};

/// Characters that are escaped: all but unreserved ones and the colon (purl specification, "Rules for each component").
const ESCAPED_CHARACTERS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b':').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// Renders the purl of a package.
pub fn render_purl(package: &Package, distribution: Option<&Distribution>) -> String {
    let kind = package.kind;
    let is_system = matches!(kind, PackageKind::Deb | PackageKind::Apk);
    let system = if kind == PackageKind::Apk { "alpine" } else { "debian" };
    let id = distribution.map_or(system, |distribution| &distribution.id);
    let namespace = if is_system { Some(id) } else { package.namespace.as_deref() };
    let mut text = format!("pkg:{}/", kind.purl_type());
    for part in namespace.into_iter().flat_map(|namespace| namespace.split('/')) {
        text.push_str(&escape_part(&normalize_case(kind, part)));
        text.push('/');
    }
    let name = match kind {
        PackageKind::Pypi => normalize_case(kind, &package.name).replace('_', "-"),
        _ => normalize_case(kind, &package.name),
    };
    text.push_str(&format!("{}@{}", escape_part(&name), escape_part(&package.version)));
    let mut qualifiers = Vec::new();
    if let Some(architecture) = &package.architecture {
        let key = if kind == PackageKind::Gem { "platform" } else { "arch" };
        qualifiers.push((key, architecture.clone()));
    }
    if let Some(Distribution { id, version: Some(version) }) = distribution.filter(|_| is_system) {
        qualifiers.push(("distro", format!("{id}-{version}")));
    }
    for (place, (key, value)) in qualifiers.iter().enumerate() {
        let sign = if place == 0 { '?' } else { '&' };
        text.push_str(&format!("{sign}{key}={}", escape_part(value)));
    }
    text
}

/// Lower case, for the types whose names have no case.
fn normalize_case(kind: PackageKind, text: &str) -> String {
    match kind {
        PackageKind::Maven | PackageKind::Gem | PackageKind::Cargo | PackageKind::Npm => text.to_owned(),
        _ => text.to_lowercase(),
    }
}

fn escape_part(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED_CHARACTERS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purl_has_the_form_of_its_type() {
        let debian = Distribution { id: "debian".to_owned(), version: Some("13".to_owned()) };
        let render = |kind, name: &str, version: &str| {
            render_purl(&Package::new(kind, name, version, "x").with_split_name(), Some(&debian))
        };
        let mut libc = Package::new(PackageKind::Deb, "libc6", "2:2.41+b1~x", "x");
        libc.architecture = Some("amd64".to_owned());
        let expected = "pkg:deb/debian/libc6@2:2.41%2Bb1~x?arch=amd64&distro=debian-13";
        assert_eq!(render_purl(&libc, Some(&debian)), expected);
        assert_eq!(render(PackageKind::Pypi, "Typing_Extensions", "4.1"), "pkg:pypi/typing-extensions@4.1");
        assert_eq!(render(PackageKind::Npm, "@vue/core", "3.4.0"), "pkg:npm/%40vue/core@3.4.0");
        let module = "pkg:golang/github.com/burntsushi/toml@v1.2.3";
        assert_eq!(render(PackageKind::Golang, "github.com/BurntSushi/toml", "v1.2.3"), module);
        assert_eq!(render(PackageKind::Maven, "org.x/Lib", "1"), "pkg:maven/org.x/Lib@1");
    }
}
