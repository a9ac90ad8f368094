//! Mail and webhooks about what became of runs: `/notify/v1`.

pub mod internal;

mod delivery;
mod mail;
mod payload;
mod webhook;

pub use delivery::{Delivery, DeliveryState};
pub use mail::{Mail, MailSettings, MailSettingsPut, MailState};
pub use payload::Payload;
pub use webhook::{EventType, Webhook, WebhookCreate, WebhookPatch, WebhookSecret};
