//! The tables of `accounts`: the only place that touches its database.

mod audit;
mod duty;
mod guess;
mod invitation;
mod mandate;
mod member;
mod migrations;
mod quota;
mod run_token;
mod session;
mod token;
mod tool;
mod user;

use hearth_base::Result;
use hearth_kit::{
    db::{Db, Tx, columns, queue::Queue},
    events::Stream,
    tasks::Stop,
};

pub use audit::NewEntry;
pub use invitation::Invitation;
pub use mandate::{Given, Mandate};
pub use member::Member;
pub use migrations::migrations;
pub use run_token::RunToken;
pub use session::Session;
pub use token::{Holder, Token};
pub use tool::Tool;
pub use user::User;

/// The database of `accounts`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// Events for other services.
    pub events: Stream,
    /// What is done later.
    pub queue: Queue,
}

impl Store {
    /// The tables in `db`, and the queue in it.
    pub fn new(db: Db, queue: Queue, stop: Stop) -> Self {
        Self { events: Stream::new(db.clone(), stop), queue, db }
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}
