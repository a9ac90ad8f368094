//! Tickets of leases: what a builder of this Hearth proves itself by.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hearth_base::{Error, Result};
use hearth_kit::queue::LeaseTicket;

/// Encodes the ticket of a lease for its builder.
pub fn encode_ticket(ticket: &LeaseTicket) -> Result<String> {
    serde_json::to_vec(ticket).map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes)).map_err(Error::internal)
}

/// Decodes the ticket of a lease. Error `ticket` (invalid).
pub fn decode_ticket(text: &str) -> Result<LeaseTicket> {
    let refused = || Error::invalid("ticket", "the ticket is invalid");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}
