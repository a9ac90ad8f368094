//! Mail and webhooks about events: `/notify/v1`.

pub mod internal;

mod delivery;
mod event_type;
mod mail;
mod payload;
mod webhook;

pub use delivery::{Delivery, DeliveryState};
pub use event_type::EventType;
pub use mail::{Mail, MailSettings, MailSettingsPut, MailState};
pub use payload::WebhookPayload;
pub use webhook::{Webhook, WebhookCreate, WebhookPatch, WebhookSecret};
