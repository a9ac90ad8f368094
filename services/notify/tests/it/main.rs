//! Tests of `notify` on every database, with a real mail server and a real web server as receiver.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

mod fake_services;
mod fixture;
mod mail;
mod mail_choices;
mod mail_server;
mod receivers;
mod settings;
mod store;
mod webhooks;
