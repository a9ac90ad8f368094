//! Entry points for the fuzz targets of `dev/fuzz`: parsers of Git ref advertisements and repository addresses.

use hearth_base::Result;

use crate::git::{RefSearch, RepositoryAddress, check_ref};

/// Validates `wanted` and resolves it in a ref advertisement. Returns the commit and the full ref name.
pub fn resolve_ref(advertisement: &[u8], wanted: &str) -> Result<(String, Option<String>)> {
    check_ref(wanted)?;
    let mut search = RefSearch::new(wanted);
    // Pieces of changing sizes, so that packets are also split between two.
    let mut rest = advertisement;
    for size in (1..=13).cycle() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        search.parse_chunk(piece)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let resolved = search.finish_search()?;
    Ok((resolved.commit, resolved.full_name))
}

/// Parses an address of a repository. Returns the normalized address and the URL of its refs.
pub fn parse_repository_address(text: &str) -> Result<(String, String)> {
    let address: RepositoryAddress = text.parse()?;
    Ok((address.to_string(), address.refs_url()?.to_string()))
}
