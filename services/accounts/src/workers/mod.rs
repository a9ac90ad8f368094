//! Background workers.

pub mod housekeeping;
pub mod recovery_mail;
