//! `hearth build sbom [IMAGE|BUILD]`: lists the packages in an image, or saves the list as an SBOM.

use std::path::PathBuf;

use hearth_base::{Digest, Error, ErrorKind, Result};
use hearth_wire::builds::{MAX_SBOM_BYTES, SBOM_MEDIA_TYPE, provenance::ProvenanceStatement};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    image_target::{ImageTarget, find_image_target},
    provenance::fetch_provenance,
};
use crate::{
    context::CommandContext,
    flags::DryRun,
    out_file::{self, FileReaders},
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// The arguments of `hearth build sbom`.
#[derive(Debug, clap::Args)]
pub struct ShowSbomArgs {
    /// A build, or an image as NAME[:TAG] or NAME@DIGEST; default: the newest build
    image: Option<String>,
    /// Save the list as CycloneDX in JSON to this file; --yes replaces an existing one
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Public key in PEM to trust, instead of the keys that this Hearth serves
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The list of packages, as far as it is shown.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct SignedSbom {
    /// Its packages.
    #[serde(default)]
    pub components: Vec<SbomPackage>,
    /// The document.
    #[serde(skip)]
    text: String,
}

/// A package in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SbomPackage {
    name: String,
    version: String,
    /// Identifier in the form of a package URL.
    purl: String,
}

/// Lists the packages, or saves the list.
pub async fn run(cx: &CommandContext, args: ShowSbomArgs) -> Result<()> {
    let result = cx.printer.open_output::<SbomPackage>()?;
    let session = cx.open_tool_session()?;
    let target = find_image_target(&session, args.image.as_deref()).await?;
    let signed = fetch_provenance(&session, &target, args.key.as_deref()).await?;
    let digest = find_sbom_digest(&signed.statement);
    let sbom = match digest {
        Some(digest) => fetch_signed_sbom(&session, &target, digest).await?,
        None => None,
    };
    let sbom = sbom.ok_or_else(|| build_missing_error(&target))?;
    match args.output {
        None => result.print_list(&sbom.components, &build_table(&sbom.components)),
        Some(file) => {
            let (count, name) = (sbom.components.len(), file.display());
            if args.dry_run.dry_run {
                let text = format!("would write {count} packages to {name}\n");
                return result.print_list_as_text(&sbom.components, &text);
            }
            if out_file::needs_write(cx, &file, &sbom.text, FileReaders::Default)? {
                out_file::write_file(&file, &sbom.text, FileReaders::Default)?;
            }
            let text = format!("✓ {count} packages are listed in {name}\n");
            result.print_list_as_text(&sbom.components, &text)
        }
    }
}

/// Finds the digest of the SBOM that a provenance signs.
pub fn find_sbom_digest(statement: &ProvenanceStatement) -> Option<Digest> {
    let mut documents = statement.predicate.run_details.byproducts.iter();
    let sbom = documents.find(|document| document.media_type.as_deref() == Some(SBOM_MEDIA_TYPE))?;
    format!("sha256:{}", sbom.digest.get("sha256")?).parse().ok()
}

/// Fetches the SBOM with a signed digest; `None` if it has been deleted. Error `sbom-invalid` (forbidden) for other content.
pub async fn fetch_signed_sbom(
    session: &ToolSession<'_>,
    target: &ImageTarget,
    digest: Digest,
) -> Result<Option<SignedSbom>> {
    let registry = session.client().image_registry(session.tool_name(), &target.image);
    let content = match session.send(registry.fetch_blob(digest)).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        content => content?,
    };
    parse_sbom(&content, digest).map(Some)
}

/// Parses an SBOM after comparing it with its signed digest.
fn parse_sbom(content: &[u8], digest: Digest) -> Result<SignedSbom> {
    let invalid = |reason: &str| {
        Error::new(ErrorKind::Forbidden, "sbom-invalid", format!("the SBOM {digest} is invalid: {reason}"))
            .help("build the image again: hearth build start")
    };
    if content.len() > MAX_SBOM_BYTES || Digest::new(Sha256::digest(content).into()) != digest {
        return Err(invalid("its content does not have this digest"));
    }
    let text = std::str::from_utf8(content).map_err(|_| invalid("it is not text"))?;
    let sbom: SignedSbom = serde_json::from_str(text).map_err(|_| invalid("it is not CycloneDX in JSON"))?;
    Ok(SignedSbom { text: text.to_owned(), ..sbom })
}

fn build_missing_error(target: &ImageTarget) -> Error {
    let ImageTarget { image, digest, .. } = target;
    Error::new(ErrorKind::NotFound, "no-sbom", format!("the image {image}@{digest} has no list of packages"))
        .help("build it again; the log of the build says why it has none: hearth build logs")
}

fn build_table(packages: &[SbomPackage]) -> Table {
    let mut table = Table::with_headings(&["package", "version", "purl"]);
    for package in packages {
        table.add_row([&package.name, &package.version, &package.purl].map(|text| Cell::from(text.as_str())));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sbom_with_another_digest_is_refused() -> Result<()> {
        let content = br#"{"bomFormat":"CycloneDX","components":[{"name":"flask","version":"3","purl":"pkg:pypi/flask@3"}]}"#;
        let digest = Digest::new(Sha256::digest(content).into());
        assert_eq!(parse_sbom(content, digest)?.components[0].name, "flask");
        let refused = parse_sbom(content, Digest::new([1; 32])).err();
        assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("sbom-invalid"));
        Ok(())
    }
}
