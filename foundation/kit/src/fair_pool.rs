//! A bounded pool whose permits are shared fairly: no key holds more than its share, and waiting keys take turns.
//!
//! The key is who uses the pool: a tool, or the address of a client. One key with many requests then delays itself,
//! not the others.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Limits of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Permits in all.
    pub permits: usize,
    /// Permits that one key holds at a time. Lower than `permits`, so that some are left for the others.
    pub permits_per_key: usize,
    /// Requests of one key that wait at a time; more are refused.
    pub waiting_per_key: usize,
    /// Requests that wait at a time, of all keys.
    pub waiting: usize,
}

impl PoolLimits {
    /// At least one permit in all and for each key, and no limit of waiting requests: for callers that wait with a
    /// timeout.
    pub fn without_wait_limits(permits: u32, permits_per_key: u32) -> Self {
        let to_count = |limit: u32| usize::try_from(limit.max(1)).unwrap_or(1);
        Self {
            permits: to_count(permits),
            permits_per_key: to_count(permits_per_key),
            waiting_per_key: usize::MAX,
            waiting: usize::MAX,
        }
    }

    /// At least one permit for each key, without a limit in all and without waiting.
    pub fn for_each_key(permits_per_key: usize) -> Self {
        Self { permits: usize::MAX, permits_per_key: permits_per_key.max(1), waiting_per_key: 0, waiting: 0 }
    }
}

/// A pool of permits, shared by keys.
#[derive(Debug)]
pub struct FairPool<K: Ord + Clone>(Arc<PoolInner<K>>);

#[derive(Debug)]
struct PoolInner<K: Ord + Clone> {
    limits: PoolLimits,
    state: Mutex<PoolState<K>>,
}

#[derive(Debug)]
struct PoolState<K: Ord + Clone> {
    free: usize,
    held: BTreeMap<K, usize>,
    /// Keys with waiting requests, the next turn first.
    waiting: VecDeque<(K, VecDeque<oneshot::Sender<FairPermit<K>>>)>,
}

/// A permit of a pool. It returns when it is dropped.
#[derive(Debug)]
pub struct FairPermit<K: Ord + Clone> {
    pool: FairPool<K>,
    /// The key; `None` once the permit is returned.
    key: Option<K>,
}

/// Refusal of a permit: too many requests wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolFull;

impl<K: Ord + Clone> Clone for FairPool<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Ord + Clone> FairPool<K> {
    /// Creates a pool.
    pub fn new(limits: PoolLimits) -> Self {
        let state = PoolState { free: limits.permits, held: BTreeMap::new(), waiting: VecDeque::new() };
        Self(Arc::new(PoolInner { limits, state: Mutex::new(state) }))
    }

    /// Waits for a permit. A request that is no longer polled loses its place.
    pub async fn acquire(&self, key: K) -> Result<FairPermit<K>, PoolFull> {
        let receiver = {
            let mut state = self.lock();
            if state.take_for(&key, &self.0.limits) {
                return Ok(FairPermit { pool: self.clone(), key: Some(key) });
            }
            state.add_waiter(key, &self.0.limits)?
        };
        // The sender lives until the permit is sent: the pool outlives it.
        receiver.await.map_err(|_| PoolFull)
    }

    /// Takes a permit if one is free and the key's share is not used up.
    pub fn try_acquire(&self, key: K) -> Option<FairPermit<K>> {
        let is_taken = self.lock().take_for(&key, &self.0.limits);
        is_taken.then(|| FairPermit { pool: self.clone(), key: Some(key) })
    }

    /// Hands free permits to waiting requests.
    fn serve_waiters(&self) {
        loop {
            let next = self.lock().next_waiter(&self.0.limits);
            let Some((key, sender)) = next else { return };
            let permit = FairPermit { pool: self.clone(), key: Some(key) };
            // The request was given up meanwhile: its permit goes to the next one, without recursion.
            if let Err(mut unwanted) = sender.send(permit) {
                unwanted.return_to_pool();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState<K>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone> PoolState<K> {
    fn take_for(&mut self, key: &K, limits: &PoolLimits) -> bool {
        if self.free == 0 || self.held.get(key).is_some_and(|held| *held >= limits.permits_per_key) {
            return false;
        }
        self.free -= 1;
        *self.held.entry(key.clone()).or_default() += 1;
        true
    }

    fn add_waiter(
        &mut self,
        key: K,
        limits: &PoolLimits,
    ) -> Result<oneshot::Receiver<FairPermit<K>>, PoolFull> {
        for (_, waiters) in &mut self.waiting {
            waiters.retain(|waiter| !waiter.is_closed());
        }
        self.waiting.retain(|(_, waiters)| !waiters.is_empty());
        let waiting: usize = self.waiting.iter().map(|(_, waiters)| waiters.len()).sum();
        let (sender, receiver) = oneshot::channel();
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == key) {
            _ if waiting >= limits.waiting => return Err(PoolFull),
            Some((_, waiters)) if waiters.len() >= limits.waiting_per_key => return Err(PoolFull),
            Some((_, waiters)) => waiters.push_back(sender),
            None => self.waiting.push_back((key, VecDeque::from([sender]))),
        }
        Ok(receiver)
    }

    /// Takes a permit for the next waiting request: of the first key in turn whose share is not used up.
    fn next_waiter(&mut self, limits: &PoolLimits) -> Option<(K, oneshot::Sender<FairPermit<K>>)> {
        let held = |key: &K| self.held.get(key).copied().unwrap_or_default();
        let turn = self.waiting.iter().position(|(key, _)| held(key) < limits.permits_per_key)?;
        if self.free == 0 {
            return None;
        }
        let (key, mut waiters) = self.waiting.remove(turn)?;
        let sender = waiters.pop_front();
        if !waiters.is_empty() {
            self.waiting.push_back((key.clone(), waiters));
        }
        let sender = sender?;
        self.free -= 1;
        *self.held.entry(key.clone()).or_default() += 1;
        Some((key, sender))
    }
}

impl<K: Ord + Clone> FairPermit<K> {
    /// Returns the permit without serving waiting requests. Returns true if it was not returned before.
    fn return_to_pool(&mut self) -> bool {
        let Some(key) = self.key.take() else { return false };
        let mut state = self.pool.lock();
        state.free += 1;
        if let Some(held) = state.held.get_mut(&key) {
            *held -= 1;
            if *held == 0 {
                state.held.remove(&key);
            }
        }
        true
    }
}

impl<K: Ord + Clone> Drop for FairPermit<K> {
    fn drop(&mut self) {
        if self.return_to_pool() {
            self.pool.serve_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use super::*;

    const TEST_LIMITS: PoolLimits =
        PoolLimits { permits: 2, permits_per_key: 1, waiting_per_key: 3, waiting: 5 };

    /// Polls a request once, so that it has its place.
    async fn poll_once<F: Future + Unpin>(request: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *request).poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn busy_key_leaves_permits_for_the_others() {
        let pool = FairPool::new(TEST_LIMITS);
        let busy = pool.acquire("busy").await.unwrap();
        assert!(pool.try_acquire("busy").is_none(), "its share is used up");
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(pool.acquire("busy"))).collect();
        for request in &mut waiting {
            assert!(poll_once(request).await.is_none());
        }
        assert_eq!(pool.acquire("busy").await.err(), Some(PoolFull));
        let other = pool.acquire("other").await.unwrap();
        let mut third = Box::pin(pool.acquire("third"));
        assert!(poll_once(&mut third).await.is_none());
        drop(other);
        assert!(poll_once(&mut third).await.is_some(), "the busy key waits for its own permit");
        drop(busy);
        assert!(poll_once(&mut waiting[0]).await.is_some());
    }

    #[tokio::test]
    async fn waiting_keys_take_turns() {
        let pool = FairPool::new(PoolLimits { permits: 1, waiting: 100, waiting_per_key: 50, ..TEST_LIMITS });
        let first = pool.acquire("many").await.unwrap();
        let mut many: Vec<_> = (0..20).map(|_| Box::pin(pool.acquire("many"))).collect();
        for request in &mut many {
            assert!(poll_once(request).await.is_none());
        }
        let mut one = Box::pin(pool.acquire("one"));
        assert!(poll_once(&mut one).await.is_none());
        drop(first);
        let second = poll_once(&mut many[0]).await.unwrap();
        drop(second);
        assert!(poll_once(&mut one).await.is_some(), "the other key is next, before 19 earlier requests");
    }

    #[test]
    fn each_key_has_its_own_maximum_where_there_is_none_in_all() {
        let pool = FairPool::new(PoolLimits::for_each_key(2));
        let permits = [pool.try_acquire("one"), pool.try_acquire("one")];
        assert!(permits.iter().all(Option::is_some));
        assert!(pool.try_acquire("one").is_none());
        assert!(pool.try_acquire("other").is_some());
        drop(permits);
        assert!(pool.try_acquire("one").is_some());
        assert!(pool.lock().held.is_empty());
    }

    #[tokio::test]
    async fn keys_without_permits_are_forgotten() {
        let pool = FairPool::new(PoolLimits::without_wait_limits(3, 2));
        for key in 0..100 {
            drop(pool.acquire(key).await.unwrap());
        }
        assert!(pool.lock().held.is_empty() && pool.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn requests_that_are_given_up_lose_their_places_and_permits() {
        let pool = FairPool::new(PoolLimits { permits: 1, ..TEST_LIMITS });
        let first = pool.acquire("one").await.unwrap();
        let mut given_up = Box::pin(pool.acquire("two"));
        assert!(poll_once(&mut given_up).await.is_none());
        let mut sent = Box::pin(pool.acquire("three"));
        assert!(poll_once(&mut sent).await.is_none());
        let mut last = Box::pin(pool.acquire("four"));
        assert!(poll_once(&mut last).await.is_none());
        drop(given_up);
        drop(first);
        // The permit was sent and never received.
        drop(sent);
        assert!(poll_once(&mut last).await.is_some());
    }
}
