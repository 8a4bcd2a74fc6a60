//! What was lost and is not reported yet.
//!
//! The reader counts; the worker reports within [`REPORT_WITHIN`], whether another event comes or not. While the queue
//! takes nothing a report cannot arrive, so it then waits for the one before it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::event::preview::Importance;
use crate::lock::lock;
use crate::wazuh::notice::{Gap, Kind, Notice, Reason};

/// A loss is reported this long after it happened, together with what else was lost meanwhile.
pub const REPORT_WITHIN: Duration = Duration::from_millis(900);

/// Events that were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub count: u64,
    /// How many of them matter most.
    pub important: u64,
    /// How many that matter most were kept meanwhile.
    pub important_kept: u64,
    /// Why the first was lost.
    pub reason: Reason,
    /// When the first and the last were lost.
    pub from: Timestamp,
    pub to: Timestamp,
    first: Instant,
}

/// Where losses are counted until they are reported.
#[derive(Debug, Default)]
pub struct LossLedger {
    open: Mutex<Option<Loss>>,
}

impl LossLedger {
    /// Counts an event that was lost; whether it is the first since the last report.
    pub fn lose(&self, importance: Importance, reason: impl FnOnce() -> Reason, now: Timestamp) -> bool {
        let mut open = lock(&self.open);
        let is_first = open.is_none();
        let loss = open.get_or_insert_with(|| Loss {
            count: 0,
            important: 0,
            important_kept: 0,
            reason: reason(),
            from: now,
            to: now,
            first: Instant::now(),
        });
        loss.count += 1;
        loss.important += u64::from(importance == Importance::High);
        loss.to = now;
        is_first
    }

    /// Counts an event that was kept while others were lost.
    pub fn keep(&self, importance: Importance) {
        if importance == Importance::High
            && let Some(loss) = &mut *lock(&self.open)
        {
            loss.important_kept += 1;
        }
    }

    /// When the next report is due.
    pub fn due(&self) -> Option<Instant> {
        lock(&self.open).as_ref().map(|loss| loss.first + REPORT_WITHIN)
    }

    /// What has to be reported by now.
    pub fn take_due(&self, now: Instant) -> Option<Loss> {
        let mut open = lock(&self.open);
        if open.as_ref().is_some_and(|loss| loss.first + REPORT_WITHIN <= now) { open.take() } else { None }
    }

    /// Reports nothing now; the next report is due as long after this as after a loss.
    pub fn put_off(&self, now: Instant) -> Option<Loss> {
        if let Some(loss) = lock(&self.open).as_mut().filter(|loss| loss.first + REPORT_WITHIN <= now) {
            loss.first = now;
        }
        None
    }

    /// What has to be reported at the end.
    pub fn take(&self) -> Option<Loss> {
        lock(&self.open).take()
    }
}

impl Loss {
    /// The notice of it.
    pub fn notice(&self, kind: Kind) -> Notice {
        let kept = (kind == Kind::BacklogFull).then(|| self.kept());
        Notice::Lost(Gap {
            kind,
            count: Some(self.count),
            from: Some(self.from),
            to: self.to,
            detail: None,
            reason: (kind != Kind::LineNotJson).then_some(self.reason),
            kept,
            important: (kind != Kind::LineNotJson).then_some(self.important),
        })
    }

    /// What was kept meanwhile, in words.
    fn kept(&self) -> String {
        match (self.important, self.important_kept) {
            (0, 0) => "no container was made or started meanwhile".to_owned(),
            (0, kept) => format!("all {kept} events that matter most were kept"),
            (lost, kept) => format!("{kept} of the {} events that matter most were kept", lost + kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_until_they_are_due() {
        let ledger = LossLedger::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!((ledger.due(), ledger.take_due(Instant::now())), (None, None));
        ledger.keep(Importance::High);
        assert!(ledger.lose(Importance::Low, || Reason::Disk, at(1)));
        ledger.keep(Importance::High);
        ledger.keep(Importance::Middle);
        assert!(!ledger.lose(Importance::High, || Reason::Memory, at(3)));
        let due = ledger.due().unwrap();
        assert_eq!(ledger.take_due(due.checked_sub(Duration::from_millis(1)).unwrap()), None);
        let loss = ledger.take_due(due).unwrap();
        assert_eq!((loss.count, loss.important, loss.important_kept, loss.reason), (2, 1, 1, Reason::Disk));
        assert_eq!((loss.from, loss.to), (at(1), at(3)));
        assert_eq!(loss.kept(), "1 of the 2 events that matter most were kept");
        assert_eq!((ledger.due(), ledger.take()), (None, None));
    }
}
