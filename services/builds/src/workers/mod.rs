//! Background workers.

pub mod announce;
pub mod builder_notices;
pub mod credentials;
pub mod accepted_requests;
pub mod housekeeping;
pub mod provenance;
pub mod time_limits;
pub mod unpin;
