//! Entries for the fuzz targets of `dev/fuzz`: what a repository and whoever names one send.

use hearth_base::Result;

use crate::git::{Address, Advertised, check_ref};

/// The commit and the full name that a checked ref has in a repository's list of refs.
pub fn resolve_ref(advertisement: &[u8], wanted: &str) -> Result<(String, Option<String>)> {
    check_ref(wanted)?;
    let resolved = Advertised::read(advertisement)?.resolve(wanted)?;
    Ok((resolved.commit, resolved.full_name))
}

/// A checked address of a repository, and where its list of refs is.
pub fn read_address(text: &str) -> Result<(String, String)> {
    let address: Address = text.parse()?;
    Ok((address.to_string(), address.refs()?.to_string()))
}
