//! How to wait for something that is away, and how often to speak of it: for the engine and for the queue alike.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// No wait is longer than this.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Who was well for this long starts again with the shortest wait.
pub const HEALTHY: Duration = Duration::from_secs(60);

/// Waits that double from a base up to [`LONGEST_WAIT`], each with up to as much again at random, so that hundreds of
/// hosts do not knock in step.
#[derive(Debug)]
pub struct Backoff {
    base: Duration,
    seed: u64,
    waits: ExponentialBackoff,
}

impl Backoff {
    /// Waits from `base` on; `seed` decides the random part.
    #[must_use]
    pub fn new(base: Duration, seed: u64) -> Self {
        Self { base, seed, waits: Self::waits(base, seed) }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        self.waits.next().unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
    }

    /// Starts again with the shortest wait where what was waited for has been well for [`HEALTHY`].
    pub fn was_well_for(&mut self, time: Duration) {
        if time >= HEALTHY {
            self.seed = self.seed.wrapping_add(1);
            self.waits = Self::waits(self.base, self.seed);
        }
    }

    fn waits(base: Duration, seed: u64) -> ExponentialBackoff {
        // Half of the cap, for the random part comes on top of it.
        ExponentialBuilder::new()
            .with_min_delay(base)
            .with_max_delay(base.max(LONGEST_WAIT / 2))
            .with_factor(2.0)
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(seed)
            .build()
    }
}

/// A number that no other start of the program is likely to get; good for spreading waits, not for secrets.
#[must_use]
pub fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Whether something is away, since when, and why, so that each outage is told once when it begins, once more for each
/// change of its cause, and once when it ends.
#[derive(Debug)]
pub struct Outage<Cause> {
    since: Option<(Instant, Cause)>,
}

impl<Cause> Default for Outage<Cause> {
    fn default() -> Self {
        Self { since: None }
    }
}

impl<Cause: PartialEq> Outage<Cause> {
    /// Notes a failure; true where it has to be told.
    pub fn failed(&mut self, cause: Cause, now: Instant) -> bool {
        match &mut self.since {
            None => {
                self.since = Some((now, cause));
                true
            }
            Some((_, known)) if *known != cause => {
                *known = cause;
                true
            }
            Some(_) => false,
        }
    }

    /// Notes that all is well; where that ends an outage, how long it lasted.
    pub fn ended(&mut self, now: Instant) -> Option<Duration> {
        self.since.take().map(|(since, _)| now.saturating_duration_since(since))
    }

    /// Whether it is away at the moment.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.since.is_some()
    }
}

/// Lets something through once, then counts for a while instead: whoever can make the listener log a line must not be
/// able to fill the disk with it.
#[derive(Debug, Default)]
pub struct Throttle {
    last: Option<Instant>,
    held_back: u64,
}

impl Throttle {
    /// How long it only counts.
    pub const PERIOD: Duration = Duration::from_secs(10);

    /// Whether to let one through, and then how many were held back before it.
    pub fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < Self::PERIOD) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(now);
        Some(self.held_back())
    }

    /// Whether one would be held back now, which counts it then.
    pub fn holds_back(&mut self, now: Instant) -> bool {
        let holds = self.last.is_some_and(|last| now.saturating_duration_since(last) < Self::PERIOD);
        self.held_back += u64::from(holds);
        holds
    }

    /// How many were held back since the last time this was asked or one was let through.
    pub fn held_back(&mut self) -> u64 {
        std::mem::take(&mut self.held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grows_from_the_base_to_the_cap_and_starts_again_after_a_healthy_minute() {
        let mut backoff = Backoff::new(Duration::from_secs(5), 7);
        for floor in [5, 10, 20, 30, 30, 30] {
            let wait = backoff.next_wait();
            let floor = Duration::from_secs(floor);
            assert!(wait >= floor && wait <= (floor * 2).min(LONGEST_WAIT), "{wait:?} after a floor of {floor:?}");
        }
        backoff.was_well_for(HEALTHY.checked_sub(Duration::from_millis(1)).unwrap());
        assert!(backoff.next_wait() >= Duration::from_secs(30));
        backoff.was_well_for(HEALTHY);
        assert!(backoff.next_wait() <= Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn never_waits_less_than_the_base_nor_longer_than_the_cap(base in 1_u64..=60, seed: u64, steps in 1_usize..200) {
            let mut backoff = Backoff::new(Duration::from_secs(base), seed);
            for _ in 0..steps {
                let wait = backoff.next_wait();
                prop_assert!(wait >= Duration::from_secs(base) && wait <= LONGEST_WAIT);
            }
        }
    }

    #[test]
    fn a_throttle_lets_one_through_and_counts_the_rest() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        assert_eq!(throttle.pass(start), Some(0));
        assert_eq!(throttle.pass(start + Duration::from_secs(1)), None);
        assert_eq!(throttle.pass(start + Duration::from_secs(9)), None);
        assert_eq!(throttle.pass(start + Throttle::PERIOD), Some(2));
        assert_eq!(throttle.pass(start + Throttle::PERIOD * 2), Some(0));
    }

    #[test]
    fn an_outage_is_told_once_for_each_cause_and_once_at_its_end() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut outage = Outage::default();
        assert_eq!(outage.ended(start), None);
        assert!(outage.failed("not running", start));
        assert!(!outage.failed("not running", after(5)));
        assert!(outage.failed("denied", after(10)));
        assert!(!outage.failed("denied", after(20)) && outage.lasts());
        assert_eq!(outage.ended(after(35)), Some(Duration::from_secs(35)));
        assert_eq!(outage.ended(after(36)), None);
    }
}
