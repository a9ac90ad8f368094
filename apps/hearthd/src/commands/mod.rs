//! The commands of hearthd, one file each.

pub mod clear;
pub mod doctor;
pub mod image;
pub mod openapi;
pub mod recover;
pub mod runtime;
pub mod serve;
pub mod settings;
pub mod up;
pub mod upgrade;
