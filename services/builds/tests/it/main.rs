//! `builds` on its own, on every database, with real repositories on the loopback.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod document;
mod leases;
mod lifecycle;
mod logs;
mod repositories;
mod stage;
mod uploads;
