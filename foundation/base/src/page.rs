//! Lists are paged: a limit, and an opaque cursor that continues after the last item seen.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// How many items one page may hold: 1 to 1000, 100 unless asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The most one page may hold.
    pub const MAX: u32 = 1000;

    /// A limit of `items`, refused outside 1 to [`Limit::MAX`].
    pub fn new(items: u32) -> Result<Self> {
        if (1..=Self::MAX).contains(&items) {
            Ok(Self(items))
        } else {
            Err(Error::invalid("limit-range", format!("limit is 1 to {}, not {items}", Self::MAX)))
        }
    }

    /// The number of items.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// Where a list goes on: the sort key of the last item seen. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor behind the item whose sort key is `key`.
    pub fn after(key: impl fmt::Display) -> Self {
        Self(key.to_string())
    }

    /// The sort key to go on behind; refused when it is not one.
    pub fn key<K: FromStr>(&self) -> Result<K> {
        self.0.parse().map_err(|_| {
            Error::invalid("cursor", "this cursor is not one of this list")
                .help("begin again without a cursor")
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page out of up to `limit + 1` items read: one too many means there is a next page.
    pub fn cut<K: fmt::Display>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let size = limit.get() as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(|last| Cursor::after(key(last)));
        Self { items, next }
    }

    /// The same page with each item turned into something else.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_one_only_when_there_is_more() -> Result<()> {
        let limit = Limit::new(2)?;
        let page = Page::cut(vec![1, 2, 3], limit, |n| *n);
        assert_eq!(page, Page { items: vec![1, 2], next: Some(Cursor::after(2)) });
        assert_eq!(Page::cut(vec![1, 2], limit, |n| *n).next, None);
        Ok(())
    }

    #[test]
    fn a_limit_outside_its_range_is_refused() {
        assert!(Limit::new(0).is_err());
        assert!(Limit::new(1001).is_err());
    }
}
