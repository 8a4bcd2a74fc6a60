//! How containers end: because a client asked for it, by themselves, or killed; and which end again and again.
//!
//! A client's `stop`, `kill`, `restart` or `rm --force` makes the engine report the signal before the end. What nobody
//! has sent a signal to has ended by itself, whatever its exit code looks like.

use super::Event;
use crate::bounded::Nameless;

/// So many containers are remembered; the one that ended or was signalled first is forgotten first.
const MAX_CONTAINERS: usize = 4096;

/// So many failures within [`LOOP_WINDOW`] are a crash loop.
const LOOP_FAILURES: u32 = 5;

/// In nanoseconds. Engines wait up to a minute before they start a container that failed again.
const LOOP_WINDOW: i64 = 300 * 1_000_000_000;

/// A signal explains an end within this time, in nanoseconds: engines give a container ten seconds, people some minutes.
const EXPLAINED: i64 = 600 * 1_000_000_000;

/// After so long without a failure a crash loop is over, in nanoseconds.
const LOOP_OVER: i64 = 600 * 1_000_000_000;

/// An end by a signal has an exit code of this and the signal's number.
const BY_SIGNAL: i64 = 128;

/// The highest number of a signal.
const MAX_SIGNAL: i64 = 64;

/// Why a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It came to its end, with exit code 0.
    Finished,
    /// A client asked for it.
    Stopped,
    /// It ended by itself with another exit code.
    Failed,
    /// A signal ended it that no client sent through the engine.
    Killed,
    /// The kernel killed it, or a process of it, for want of memory.
    OutOfMemory,
    /// The exit code is not known, because a label may have taken its place.
    Unknown,
}

impl Cause {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::OutOfMemory => "out_of_memory",
            Self::Unknown => "unknown",
        }
    }

    fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Killed | Self::OutOfMemory)
    }
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub cause: Cause,
    /// How often it has failed within a few minutes; only where that is a crash loop, and once for each.
    pub crash_loop: Option<u32>,
}

/// What is known of a container that has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Life {
    /// The signal that a client has sent, 0 where a label has taken its place; and when.
    signal: Option<(i64, i64)>,
    is_out_of_memory: bool,
    failures: Failures,
}

/// Failures that came close to each other, by the engine's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Failures {
    count: u32,
    first: i64,
    last: i64,
    is_reported: bool,
}

/// Remembers what leads to the end of containers.
#[derive(Debug)]
pub struct Endings {
    lives: Nameless<Life>,
}

impl Default for Endings {
    fn default() -> Self {
        Self { lives: Nameless::new(MAX_CONTAINERS) }
    }
}

impl Endings {
    /// Sees an event, with the true exit code where that is known; how its container ended, where it says that it did.
    pub fn see(&mut self, event: &Event<'_>, exit_code: Option<i64>) -> Option<Ending> {
        if event.kind() != "container" {
            return None;
        }
        let (id, action) = (event.actor_id(), event.action());
        match action {
            "kill" | "oom" | "start" | "init" | "die" | "died" => {}
            "destroy" | "remove" => {
                self.lives.forget(id);
                return None;
            }
            _ => return None,
        }
        let known = self.lives.get(id).copied();
        let mut life = known.unwrap_or_default();
        let mut ending = None;
        match action {
            "kill" => {
                let signal = event.attribute("signal").parse().unwrap_or_default();
                life.signal = Some((signal, event.time_nano().unwrap_or_default()));
            }
            "oom" => life.is_out_of_memory = true,
            "die" | "died" => ending = Some(life.end(exit_code, event.time_nano().unwrap_or_default())),
            _ => (life.signal, life.is_out_of_memory) = (None, false),
        }
        // Most containers end well, and nothing has to be remembered of them.
        if known.is_some() || life != Life::default() {
            self.lives.keep(id, life);
        }
        ending
    }
}

impl Life {
    fn end(&mut self, exit_code: Option<i64>, now: i64) -> Ending {
        let cause = self.cause(exit_code, now);
        (self.signal, self.is_out_of_memory) = (None, false);
        if cause.is_failure() {
            return Ending { cause, crash_loop: self.failures.add(now) };
        }
        // A program that a client ended in order does not crash any more.
        if cause == Cause::Stopped && exit_code.is_some_and(|code| code == 0 || code > BY_SIGNAL) {
            self.failures = Failures::default();
        }
        Ending { cause, crash_loop: None }
    }

    fn cause(&self, exit_code: Option<i64>, now: i64) -> Cause {
        let Some(code) = exit_code else { return Cause::Unknown };
        let by_signal = (BY_SIGNAL + 1..=BY_SIGNAL + MAX_SIGNAL).contains(&code).then_some(code - BY_SIGNAL);
        let signal = self.signal.filter(|(_, sent)| now.saturating_sub(*sent) <= EXPLAINED).map(|(signal, _)| signal);
        match (signal, code) {
            (Some(signal), _) if ends_programs(signal) || by_signal == Some(signal) => Cause::Stopped,
            // Apache and systemd are stopped by these, and end well.
            (Some(28 | 37), 0) => Cause::Stopped,
            (_, 0) => Cause::Finished,
            _ if self.is_out_of_memory => Cause::OutOfMemory,
            _ if by_signal.is_some() => Cause::Killed,
            _ => Cause::Failed,
        }
    }
}

/// Whether programs end at a signal, or images name it as the one to stop them by. Others have programs read their
/// configuration or reopen their logs.
fn ends_programs(signal: i64) -> bool {
    // INT, QUIT, ABRT, KILL, TERM, and one that is not known.
    matches!(signal, 0 | 2 | 3 | 6 | 9 | 15)
}

impl Failures {
    /// Counts one more; how many they are, where they have just become a crash loop.
    fn add(&mut self, now: i64) -> Option<u32> {
        if self.count > 0 && now.saturating_sub(self.last) > LOOP_OVER {
            *self = Self::default();
        }
        if self.count == 0 || (!self.is_reported && now.saturating_sub(self.first) > LOOP_WINDOW) {
            (self.count, self.first) = (0, now);
        }
        (self.count, self.last) = (self.count.saturating_add(1), now);
        let is_new = self.count >= LOOP_FAILURES && !self.is_reported;
        self.is_reported |= is_new;
        is_new.then_some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// What the last of these events of one container says of its end: each an action with its signal or exit code.
    fn end(endings: &mut Endings, events: &[(&str, i64)], time: i64) -> Option<Ending> {
        let mut last = None;
        for (action, number) in events {
            let line = format!(
                r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"c","Attributes":{{"signal":"{number}"}}}},"timeNano":{time}}}"#
            );
            let event = Event::parse(line.as_bytes()).unwrap();
            last = endings.see(&event, (*number >= 0).then_some(*number));
        }
        last
    }

    fn cause(events: &[(&str, i64)]) -> Cause {
        end(&mut Endings::default(), events, 0).unwrap().cause
    }

    #[test]
    fn a_client_explains_an_end_and_nothing_else_does() {
        for (events, wanted) in [
            (&[("die", 0)][..], Cause::Finished),
            (&[("die", 1)], Cause::Failed),
            (&[("die", 127)], Cause::Failed),
            (&[("die", 255)], Cause::Failed),
            (&[("die", 137)], Cause::Killed),
            (&[("die", 139)], Cause::Killed),
            (&[("die", -1)], Cause::Unknown),
            (&[("kill", 15), ("die", 143)], Cause::Stopped),
            (&[("kill", 15), ("die", 0)], Cause::Stopped),
            (&[("kill", 15), ("kill", 9), ("die", 137)], Cause::Stopped),
            (&[("kill", 3), ("die", 1)], Cause::Stopped),
            // Read your configuration again.
            (&[("kill", 1), ("die", 1)], Cause::Failed),
            (&[("kill", 1), ("die", 137)], Cause::Killed),
            (&[("kill", 1), ("die", 129)], Cause::Stopped),
            (&[("oom", 0), ("die", 137)], Cause::OutOfMemory),
            (&[("oom", 0), ("kill", 15), ("die", 143)], Cause::Stopped),
            (&[("kill", 9), ("die", 137), ("start", 0), ("die", 137)], Cause::Killed),
            (&[("oom", 0), ("die", 137), ("die", 1)], Cause::Failed),
            (&[("kill", 9), ("destroy", 0), ("die", 137)], Cause::Killed),
        ] {
            assert_eq!(cause(events), wanted, "{events:?}");
        }
    }

    #[test]
    fn a_signal_does_not_explain_what_comes_much_later_or_another_way() {
        let mut endings = Endings::default();
        let mut cause = |action: &str, number: i64, second: i64| {
            end(&mut endings, &[(action, number)], second * SECOND).map(|ending| ending.cause)
        };
        cause("kill", 15, 0);
        assert_eq!(cause("die", 139, 700), Some(Cause::Killed));
        cause("kill", 28, 800);
        assert_eq!(cause("die", 139, 801), Some(Cause::Killed));
        cause("kill", 28, 900);
        assert_eq!(cause("die", 0, 901), Some(Cause::Stopped));
    }

    #[test]
    fn a_crash_loop_is_reported_once_until_it_is_over() {
        let mut endings = Endings::default();
        let mut fail = |second: i64| end(&mut endings, &[("die", 1)], second * SECOND).unwrap().crash_loop;
        let first: Vec<_> = (0..4).map(|turn| fail(turn * 10)).collect();
        assert_eq!((first, fail(50)), (vec![None; 4], Some(5)));
        assert!((0..100).all(|turn| fail(60 + turn * 60).is_none()), "it goes on");
        let later = 60 + 99 * 60 + 601;
        assert_eq!((0..5).map(|turn| fail(later + turn)).collect::<Vec<_>>(), [None, None, None, None, Some(5)]);
    }

    #[test]
    fn failures_that_are_far_apart_are_no_loop_nor_are_ends_that_were_asked_for() {
        let mut endings = Endings::default();
        for turn in 0..20 {
            assert_eq!(end(&mut endings, &[("die", 1)], turn * 100 * SECOND).unwrap().crash_loop, None);
        }
        for turn in 0..20 {
            let stop = [("kill", 9), ("die", 137), ("start", 0)];
            assert_eq!(end(&mut endings, &stop[..2], (3000 + turn) * SECOND).unwrap().crash_loop, None);
        }
    }
}
