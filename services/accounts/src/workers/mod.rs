//! Background workers.

pub mod account_mails;
pub mod housekeeping;
pub mod operator_mails;
