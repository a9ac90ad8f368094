//! Tests of a whole Hearth, in every shape.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot continue has failed")]

mod api_documents;
mod audited_changes;
mod dead_letters;
mod deploy_tokens;
mod end_to_end;
mod endpoints;
mod envvars;
mod faults;
mod gateway;
mod interactive;
mod killing;
mod log_lines;
mod mail_addresses;
mod mixed;
mod open_streams;
mod previews;
mod privileges;
mod published_clients;
mod python;
mod registry;
mod repository_links;
mod requests;
mod resource_limits;
mod run_credentials;
mod schedules_and_health;
mod sign_in;
mod site;
mod systemd_unit;
mod tenants;
mod tokens;
mod tools;
mod two_processes;
