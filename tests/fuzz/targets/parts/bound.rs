//! What an input may cost: the time and the peak memory of whatever is done with it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// For an input of no length, of processor time: a fuzzed program is slowed down by what is measured in it.
const LEAST_TIME: Duration = Duration::from_millis(100);

/// For each MiB of input. A release build without a sanitizer takes a tenth of it.
const TIME_OF_MIB: Duration = Duration::from_millis(200);

/// At once, in bytes.
const LARGEST: u64 = 8 << 20;

/// Does it, and fails where it costs more.
pub fn bounded<T>(length: usize, work: impl FnOnce() -> T) -> T {
    let started = processor_time();
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(work()));
    let took = processor_time().saturating_sub(started);
    let allowed = LEAST_TIME + TIME_OF_MIB.mul_f64(length as f64 / f64::from(1 << 20));
    assert!(took <= allowed, "{took:?} for {length} bytes, of {allowed:?}");
    assert!(counted.bytes_max <= LARGEST, "{} bytes at once for {length} bytes", counted.bytes_max);
    result.expect("it was done")
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock").into()
}
