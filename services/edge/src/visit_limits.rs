//! Limit of concurrent visits of one tool: slow visitors of one tool, or its slow responses, do not use up the
//! connections that the pages of others need.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hearth_base::ToolId;

/// Open visits by tool.
pub struct VisitLimiter {
    max_per_tool: usize,
    open: Mutex<BTreeMap<ToolId, usize>>,
}

/// One visit, which is open until the permit is dropped.
pub struct VisitPermit {
    limiter: Arc<VisitLimiter>,
    tool: ToolId,
}

impl VisitLimiter {
    /// Creates a limiter for at most `max_per_tool` visits of one tool.
    pub fn new(max_per_tool: usize) -> Self {
        Self { max_per_tool: max_per_tool.max(1), open: Mutex::default() }
    }

    /// Opens a visit; `None` if the tool has the maximum of open ones.
    pub fn admit_visit(self: &Arc<Self>, tool: ToolId) -> Option<VisitPermit> {
        let mut open = self.lock();
        let count = open.entry(tool).or_default();
        if *count >= self.max_per_tool {
            return None;
        }
        *count += 1;
        drop(open);
        Some(VisitPermit { limiter: self.clone(), tool })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ToolId, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for VisitPermit {
    fn drop(&mut self) {
        let mut open = self.limiter.lock();
        if let Some(count) = open.get_mut(&self.tool) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.tool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::{Clock, Entropy, SystemClock};

    use super::*;

    #[test]
    fn one_tool_has_a_maximum_of_open_visits_and_others_have_their_own() {
        let limiter = Arc::new(VisitLimiter::new(2));
        let create_id = || ToolId::new(SystemClock.now(), &Entropy::System);
        let (one, other) = (create_id(), create_id());
        let visits = [limiter.admit_visit(one), limiter.admit_visit(one)];
        assert!(visits.iter().all(Option::is_some));
        assert!(limiter.admit_visit(one).is_none());
        assert!(limiter.admit_visit(other).is_some());
        drop(visits);
        assert!(limiter.admit_visit(one).is_some());
        assert!(limiter.lock().is_empty());
    }
}
