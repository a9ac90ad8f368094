//! Looking again and again for something that nobody tells of.

use std::time::Duration;

/// Moments at which to look again, a few milliseconds apart, for at most ten seconds. Whoever waits ends the
/// loop when what it waits for has come.
pub fn moments() -> impl Iterator<Item = ()> {
    const APART: Duration = Duration::from_millis(5);
    (0..2000).map(|number| {
        if number > 0 {
            std::thread::sleep(APART);
        }
    })
}
