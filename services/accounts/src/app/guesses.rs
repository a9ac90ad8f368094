//! Guessing passwords ends in a rest. A try is counted before it is made, so that many at once count too, and
//! for names that nobody has as well, so that nobody learns who is here.

use hearth_base::{Error, Kind, Result, UserName};
use jiff::SignedDuration;

use crate::cx::{By, Cx};

/// Tries without a right one after which a name rests.
const MOST: u32 = 10;
/// How long it rests.
pub const REST: SignedDuration = SignedDuration::from_mins(15);

/// Counts one more try for `name`, or refuses it.
pub async fn count(cx: &Cx, by: &By, name: &UserName) -> Result<()> {
    let tx = cx.store.begin().await?;
    let (tried, last) = cx.store.guesses_locked(&tx, name, by.now).await?;
    let tried = if by.now.duration_since(last) < REST { tried } else { 0 };
    if tried >= MOST {
        return Err(Error::new(Kind::Exhausted, "sign-in-rest", "too many wrong passwords for this name")
            .help("wait a quarter of an hour, then try again"));
    }
    cx.store.guesses_save(&tx, name, tried + 1, by.now).await?;
    tx.commit().await
}
