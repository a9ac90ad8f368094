//! `notify` on its own, on every database, with a real mail server and a real web server to be told things.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod mail;
mod mail_server;
mod neighbours;
mod receivers;
mod settings;
mod stage;
mod webhooks;
