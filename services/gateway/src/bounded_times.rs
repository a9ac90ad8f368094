//! A bounded map from keys to times. Beyond its maximum the earliest time is dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// Times by key.
#[derive(Debug)]
pub struct BoundedTimes<K> {
    max_keys: usize,
    times: BTreeMap<K, Instant>,
    /// The same entries, the earliest first.
    order: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Clone> BoundedTimes<K> {
    /// Creates an empty map of at most `max_keys` keys.
    pub const fn new(max_keys: usize) -> Self {
        Self { max_keys, times: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Finds the time of a key.
    pub fn find_time(&self, key: &K) -> Option<Instant> {
        self.times.get(key).copied()
    }

    /// Sets the time of a key. The earliest time is dropped if there are too many keys; it may be the new one.
    pub fn set_time(&mut self, key: K, time: Instant) {
        self.remove(&key);
        self.times.insert(key.clone(), time);
        self.order.insert((time, key));
        while self.times.len() > self.max_keys {
            if let Some((_, earliest)) = self.order.pop_first() {
                self.times.remove(&earliest);
            }
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &K) {
        if let Some((key, time)) = self.times.remove_entry(key) {
            self.order.remove(&(time, key));
        }
    }

    /// Drops all times up to `now`.
    pub fn drop_until(&mut self, now: Instant) {
        while self.order.first().is_some_and(|(time, _)| *time <= now) {
            if let Some((_, passed)) = self.order.pop_first() {
                self.times.remove(&passed);
            }
        }
    }

    /// Number of keys.
    #[cfg(test)]
    pub fn count_keys(&self) -> usize {
        assert_eq!(self.times.len(), self.order.len());
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn earliest_time_is_dropped_beyond_the_maximum() {
        let now = Instant::now();
        let at = |seconds: u64| now + Duration::from_secs(seconds);
        let mut times = BoundedTimes::new(2);
        for (key, seconds) in [("one", 1), ("two", 2), ("one", 4), ("three", 3)] {
            times.set_time(key, at(seconds));
        }
        assert_eq!(
            ["one", "two", "three"].map(|key| times.find_time(&key)),
            [Some(at(4)), None, Some(at(3))]
        );
        times.drop_until(at(3));
        assert_eq!((times.find_time(&"three"), times.count_keys()), (None, 1));
        times.remove(&"one");
        assert_eq!(times.count_keys(), 0);
    }
}
