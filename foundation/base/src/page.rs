//! Pages of lists: a limit, and an opaque cursor that continues after the last item.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// Maximum number of items of one page: 1 to 1000; default 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u32);

impl PageLimit {
    /// Highest allowed limit.
    pub const MAX_ITEMS: u32 = 1000;

    /// Creates a limit of `items`; fails outside 1 to 1000.
    pub fn new(items: u32) -> Result<Self> {
        if (1..=Self::MAX_ITEMS).contains(&items) {
            Ok(Self(items))
        } else {
            Err(Error::invalid(
                "limit-range",
                format!("invalid limit {items}: expected 1 to {}", Self::MAX_ITEMS),
            ))
        }
    }

    /// Returns the number of items.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for PageLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for PageLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// Position in a list: the sort key of the last item. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageCursor(String);

impl PageCursor {
    /// Creates a cursor after the item with the sort key `key`.
    pub fn after_key(key: impl fmt::Display) -> Self {
        Self(key.to_string())
    }

    /// Parses the sort key; fails on the cursor of another list.
    pub fn parse_key<K: FromStr>(&self) -> Result<K> {
        self.0.parse().map_err(|_| {
            Error::invalid("cursor", "the cursor belongs to another list")
                .help("start again without a cursor")
        })
    }
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Items, in the order of the list.
    pub items: Vec<T>,
    /// Cursor of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<PageCursor>,
}

impl<T> Page<T> {
    /// Creates a page from up to `limit + 1` items; an extra item means that a next page exists.
    pub fn from_items<K: fmt::Display>(mut items: Vec<T>, limit: PageLimit, key: impl Fn(&T) -> K) -> Self {
        let size = limit.get() as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| more).map(|last| PageCursor::after_key(key(last)));
        Self { items, next }
    }

    /// Converts each item of the page.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_a_next_cursor_only_when_items_remain() -> Result<()> {
        let limit = PageLimit::new(2)?;
        let page = Page::from_items(vec![1, 2, 3], limit, |n| *n);
        assert_eq!(page, Page { items: vec![1, 2], next: Some(PageCursor::after_key(2)) });
        assert_eq!(Page::from_items(vec![1, 2], limit, |n| *n).next, None);
        Ok(())
    }

    #[test]
    fn page_limit_outside_its_range_is_refused() {
        assert!(PageLimit::new(0).is_err());
        assert!(PageLimit::new(1001).is_err());
    }
}
