//! Background workers.

pub mod accepted_requests;
pub mod announce;
pub mod builder_notices;
pub mod credentials;
pub mod housekeeping;
pub mod provenance;
pub mod removed_builders;
pub mod time_limits;
pub mod unpin;
