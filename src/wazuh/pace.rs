//! How fast messages may go: a token bucket.
//!
//! analysisd and the agent lose bursts without telling the sender (analysisd 59,256 of 100,000 sent in 0.38 s; an agent
//! forwards 500 a second and drops what its buffer of 5,000 cannot hold), so sending as fast as possible is losing.

use std::time::{Duration, Instant};

/// A bucket that holds `burst` messages and is filled again at `rate` a second.
#[derive(Debug)]
pub struct Pace {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Pace {
    /// A full bucket; a `rate` of 0 means no limit.
    #[must_use]
    pub fn new(rate: u32, burst: u32, now: Instant) -> Self {
        Self { rate: f64::from(rate), burst: f64::from(burst), tokens: f64::from(burst), filled: now }
    }

    /// Follows other figures from now on; what was saved up stays, up to the new size.
    pub fn change(&mut self, rate: u32, burst: u32, now: Instant) {
        self.fill(now);
        (self.rate, self.burst) = (f64::from(rate), f64::from(burst));
        self.tokens = self.tokens.min(self.burst);
    }

    /// Takes a token for one message, or says how long to wait for it.
    ///
    /// # Errors
    /// The wait, where there is no token yet.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if self.take_some(1, now) == 1 {
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.rate))
    }

    /// How many messages may go now, up to so many; takes a token for each.
    pub fn take_some(&mut self, most: usize, now: Instant) -> usize {
        if self.rate <= 0.0 {
            return most;
        }
        self.fill(now);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole tokens, of which none is owed"
        )]
        let count = most.min(self.tokens as usize);
        #[allow(clippy::cast_precision_loss, reason = "no more than there were tokens")]
        let taken = count as f64;
        self.tokens -= taken;
        count
    }

    /// Gives back tokens of messages that did not go.
    pub fn give_back(&mut self, count: usize) {
        #[allow(clippy::cast_precision_loss, reason = "no more than were taken")]
        let count = count as f64;
        self.tokens = (self.tokens + count).min(self.burst);
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.tokens = (self.tokens + since * self.rate).min(self.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many messages pass from `from` to `to`, tried every millisecond.
    fn passed(pace: &mut Pace, start: Instant, from: u64, to: u64) -> usize {
        let tries = (from..to).map(|at| start + Duration::from_millis(at));
        tries.map(|now| std::iter::from_fn(|| pace.take(now).ok()).count()).sum()
    }

    #[test]
    fn lets_a_burst_through_and_then_the_rate_and_saves_up_again_while_it_is_quiet() {
        let start = Instant::now();
        let mut pace = Pace::new(400, 2000, start);
        assert_eq!(passed(&mut pace, start, 0, 1), 2000);
        let in_a_second = passed(&mut pace, start, 1, 1001);
        assert!((399..=400).contains(&in_a_second), "{in_a_second}");
        let after_a_pause = passed(&mut pace, start, 61_001, 61_002);
        assert_eq!(after_a_pause, 2000, "a minute of quiet fills the bucket and no more");
    }

    #[test]
    fn the_wait_it_asks_for_is_enough_and_no_longer_than_a_token_takes() {
        let start = Instant::now();
        let mut pace = Pace::new(4, 1, start);
        assert_eq!(pace.take(start), Ok(()));
        let wait = pace.take(start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(250));
        assert_eq!(pace.take(start + wait), Ok(()));
        assert!(pace.take(start).is_err(), "a clock that steps back gives nothing");
    }

    #[test]
    fn follows_other_figures_and_nothing_at_all() {
        let start = Instant::now();
        let mut pace = Pace::new(1, 1000, start);
        pace.change(1, 10, start);
        assert_eq!(passed(&mut pace, start, 0, 1), 10);
        pace.change(0, 10, start);
        assert!((0..10_000).all(|_| pace.take(start).is_ok()));
    }
}
