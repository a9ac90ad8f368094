//! The SBOM of an image: CycloneDX 1.6 in JSON (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! The same image has the same SBOM: it contains neither the time nor a random number.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{InventoryReport, Package, purl::render_purl};

/// Files of one package that are listed.
const MAX_OCCURRENCES: usize = 3;
/// Reference to the image within its SBOM.
const IMAGE_REFERENCE: &str = "image";

/// The image that an SBOM is about.
#[derive(Debug, Clone, Copy)]
pub struct ImageIdentity<'a> {
    /// Full name without tag and digest, with the registry's host.
    pub name: &'a str,
    /// Digest of the manifest, as `sha256:…`.
    pub digest: &'a str,
    /// Version of Hearth, which made the SBOM.
    pub hearth_version: &'a str,
}

/// Renders the SBOM of an image. It has at most `max_bytes`; packages that do not fit are left out, and the SBOM says
/// that it is incomplete. Returns it with the number of its packages.
pub fn render_bom(image: ImageIdentity<'_>, report: &InventoryReport, max_bytes: usize) -> (String, usize) {
    let distribution = report.distribution.as_ref();
    let mut by_purl: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    for package in report.packages.iter().filter(|package| package.is_valid()) {
        by_purl.entry(render_purl(package, distribution)).or_default().push(package);
    }
    let mut is_complete = report.is_complete;
    let mut components = Vec::new();
    let mut left = max_bytes;
    for (purl, packages) in &by_purl {
        let component = render_component(purl, packages);
        // The comma between two of them is a byte more.
        let size = component.to_string().len() + 1;
        if size + DOCUMENT_FRAME_BYTES + image.name.len() * 3 > left {
            is_complete = false;
            break;
        }
        left -= size;
        components.push(component);
    }
    let count = components.len();
    (render_document(image, &components, is_complete).to_string(), count)
}

/// Bytes of a document without components and names, at most.
const DOCUMENT_FRAME_BYTES: usize = 2048;

fn render_document(image: ImageIdentity<'_>, components: &[Value], is_complete: bool) -> Value {
    let ImageIdentity { name, digest, hearth_version } = image;
    let short_name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let escape = |text: &str| text.replace('/', "%2F");
    let purl = format!("pkg:oci/{short_name}@{}?repository_url={}", escape(digest), escape(name));
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", derive_uuid(digest)),
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "hearth", "version": hearth_version}]},
            "component": {
                "type": "container", "bom-ref": IMAGE_REFERENCE, "name": name, "version": digest, "purl": purl,
            },
        },
        "components": components,
        "compositions": [{
            // A program without metadata, such as one that was copied, is in no list.
            "aggregate": if is_complete { "unknown" } else { "incomplete" },
            "assemblies": [IMAGE_REFERENCE],
        }],
    })
}

fn render_component(purl: &str, packages: &[&Package]) -> Value {
    let mut locations: Vec<&str> = packages.iter().map(|package| package.location.as_str()).collect();
    locations.sort_unstable();
    locations.dedup();
    let occurrences: Vec<Value> =
        locations.iter().take(MAX_OCCURRENCES).map(|path| json!({"location": path})).collect();
    let first = packages.first();
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "name": first.map_or("", |package| &package.name),
        "version": first.map_or("", |package| &package.version),
        "purl": purl,
        "evidence": {"occurrences": occurrences},
    });
    if let Some(namespace) = packages.iter().find_map(|package| package.namespace.as_deref()) {
        component["group"] = json!(namespace);
    }
    if let Some(license) = packages.iter().find_map(|package| package.license.as_deref()) {
        // The name, and not the id: a package may declare any text as its licence.
        component["licenses"] = json!([{"license": {"name": license}}]);
    }
    component
}

/// Derives a UUID (RFC 9562, version 8) from the digest of the image.
fn derive_uuid(digest: &str) -> String {
    let hex = digest.rsplit(':').next().unwrap_or_default();
    let digits: String =
        hex.chars().filter(char::is_ascii_hexdigit).chain(std::iter::repeat('0')).take(32).collect();
    let digits = digits.to_ascii_lowercase();
    format!("{}-{}-8{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PackageKind;

    const SAMPLE_IMAGE: ImageIdentity<'static> = ImageIdentity {
        name: "hearth.example/tool-hello/web",
        digest: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
        hearth_version: "0.2.0",
    };

    fn build_report(packages: Vec<Package>) -> InventoryReport {
        InventoryReport { packages, is_complete: true, ..InventoryReport::default() }
    }

    #[test]
    fn package_of_several_files_is_one_component() {
        let one = Package::new(PackageKind::Npm, "ms", "2.1.3", "app/node_modules/ms/package.json");
        let other = Package {
            location: "app/node_modules/debug/node_modules/ms/package.json".to_owned(),
            ..one.clone()
        };
        let (text, count) = render_bom(SAMPLE_IMAGE, &build_report(vec![one, other]), 1 << 20);
        assert_eq!(count, 1);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["components"][0]["purl"], "pkg:npm/ms@2.1.3");
        assert_eq!(document["components"][0]["evidence"]["occurrences"].as_array().unwrap().len(), 2);
        assert_eq!(document["serialNumber"], "urn:uuid:5f70bf18-a086-8070-86e9-48b04aed3b82");
    }

    #[test]
    fn order_of_the_report_does_not_change_the_sbom() {
        let package = |name: &str| Package::new(PackageKind::Pypi, name, "1", "x");
        let (one, _) = render_bom(SAMPLE_IMAGE, &build_report(vec![package("a"), package("b")]), 1 << 20);
        let (other, _) = render_bom(SAMPLE_IMAGE, &build_report(vec![package("b"), package("a")]), 1 << 20);
        assert_eq!(one, other);
    }

    #[test]
    fn sbom_that_would_be_too_large_is_marked_as_incomplete() {
        let packages =
            (0..1000).map(|number| Package::new(PackageKind::Npm, &format!("package-{number}"), "1", "x"));
        let (text, count) = render_bom(SAMPLE_IMAGE, &build_report(packages.collect()), 50_000);
        assert!(text.len() <= 50_000 && count > 100 && count < 1000, "{count}, {}", text.len());
        assert!(text.contains("\"incomplete\""), "{}", &text[..500]);
    }
}
