//! All faults at random, one upon the other, under load: nothing is lost in silence, and nothing is told that is not so.
//!
//! `SECONDS=600 cargo test --release --test random_faults -- --ignored --nocapture` is the long run; without `SECONDS` it takes
//! forty. `SEED` plays a schedule again: the same faults in the same order, though not at the same events.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::struct_excessive_bools, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::simulated::Simulated;
use support::tally::Tally;
use support::{Program, Queue, Wazuh, until};

/// How many events the engine's ring holds.
const RING: usize = 256;

/// A process that is killed does not know of so many whether they arrived: what it has in hand at a time.
const UNCERTAIN: usize = 64;

/// An event is read this long after it was published at the most, where nothing is frozen and all is connected.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// What follows from a fault of the engine follows within this: two waits of the listener's.
const AFTERMATH: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Killed,
    KilledForLong,
    FrozenAndKilled,
    Stopped,
    Frozen,
    QueueRemoved,
    QueueReplaced,
    QueueUnread,
    DiskFull,
    Cut,
    EngineAway,
    EngineEmptied,
    EngineAnother,
}

impl What {
    fn is_of_the_engine(self) -> bool {
        matches!(self, Self::Cut | Self::EngineAway | Self::EngineEmptied | Self::EngineAnother)
    }

    fn freezes(self) -> bool {
        matches!(self, Self::Frozen | Self::FrozenAndKilled)
    }

    fn restarts(self) -> bool {
        matches!(self, Self::Killed | Self::KilledForLong | Self::FrozenAndKilled | Self::Stopped)
    }

    /// Whether this fault may have the listener tell of such a gap.
    fn may_cause(self, gap: &str) -> bool {
        match gap {
            // Who is not there, or does not get the engine's stream, may miss more than a ring holds.
            "ring_wrapped" => self.restarts() || self.is_of_the_engine(),
            "engine_restarted" => self == Self::EngineEmptied,
            // What waits finds room in memory or on disk, unless the disk takes nothing.
            "backlog_full" => self == Self::DiskFull,
            // `cursor_unreadable`, `backlog_damaged`, `line_…`, `not_inspected`, Podman's: nothing here may.
            _ => false,
        }
    }

    /// Whether this fault may have the listener say this of its connection.
    fn may_have_it_say(self, notice: &str) -> bool {
        match notice {
            "started" => self.restarts(),
            "connected" => self.restarts() || self.is_of_the_engine(),
            "disconnected" | "engine_away" => self.is_of_the_engine(),
            _ => false,
        }
    }
}

struct Fault {
    what: What,
    from: Timestamp,
    /// None while it lasts.
    to: Option<Timestamp>,
}

impl Fault {
    fn lasted_into(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from <= to && self.to.is_none_or(|end| end >= from)
    }
}

/// Marsaglia's xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        let count = u64::try_from(all.len()).unwrap();
        all[usize::try_from(self.below(count)).unwrap()]
    }
}

/// The folder of the listener's own on a small disk, in a name space that outlives each process of the listener.
struct Disk {
    keeper: Child,
    filler: PathBuf,
}

impl Disk {
    /// None without root, `unshare` and `nsenter`, or where nothing may be mounted.
    fn mount(folder: &Path) -> Option<Self> {
        if !["unshare", "nsenter"].iter().all(|program| support::engines::installed(program)) {
            support::engines::missing("unshare and nsenter, or root,");
            return None;
        }
        let script = "mount -t tmpfs -o size=32m,mode=0750 none \"$1\" && echo mounted && exec cat";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(folder);
        // It ends with this process, which holds the other end of its pipe.
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let mut said = String::new();
        let _ = BufReader::new(keeper.stdout.take()?).read_line(&mut said);
        if said != "mounted\n" {
            let _ = keeper.wait();
            return None;
        }
        let root = PathBuf::from(format!("/proc/{}/root", keeper.id()));
        Some(Self { filler: root.join(folder.strip_prefix("/").unwrap()).join("filler"), keeper })
    }

    /// The command in the name space of this disk.
    fn with(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &self.keeper.id().to_string(), "--mount"]);
        inside.arg(command.get_program()).args(command.get_args());
        inside.env_remove("DOCKER_HOST").env_remove("DOCKER_TLS_VERIFY");
        inside
    }

    /// Leaves no page free.
    fn fill(&self) {
        let mut file = fs::File::create(&self.filler).unwrap();
        for size in [1 << 20, 4096] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(&self.filler).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// What happened, with its time, in order.
#[derive(Default)]
struct Load {
    events: Vec<(String, Timestamp)>,
    is_paused: bool,
    is_heavy: bool,
}

impl Load {
    fn publish(&mut self, engine: &Simulated) {
        let number = self.events.len();
        let now = Timestamp::now();
        let of = number / 20;
        let (kind, id, action, own) = match number % 20 {
            0 => ("volume", format!("v{of}"), "create", r#""driver":"local""#.to_owned()),
            10 => ("container", format!("c{of}"), "create", r#""image":"bb:1""#.to_owned()),
            11 => ("container", format!("c{of}"), "start", r#""image":"bb:1""#.to_owned()),
            12 => ("container", format!("c{of}"), "die", r#""exitCode":"0","image":"bb:1""#.to_owned()),
            13 => ("container", format!("c{of}"), "destroy", r#""image":"bb:1""#.to_owned()),
            _ => ("container", "c".to_owned(), "resize", format!(r#""height":"{number}","image":"bb:1""#)),
        };
        let name = if action == "resize" { number.to_string() } else { format!("{id} {action}") };
        // Shorter than what is noted before it is worked on: a line that is may be skipped after a kill.
        let weight = "x".repeat(if self.is_heavy { 3500 } else { 0 });
        engine.publish_line(format!(
            r#"{{"Type":"{kind}","Action":"{action}","Actor":{{"ID":"{id}","Attributes":{{{own},"name":"n{of}","weight":"{weight}"}}}},"scope":"local","time":{},"timeNano":{}}}"#,
            now.as_second(),
            now.as_nanosecond()
        ));
        self.events.push((name, now));
    }
}

/// Steady, another rate each second, with bursts, until told to stop.
fn publish(engine: &Simulated, load: &Mutex<Load>, stop: &AtomicBool, mut dice: Dice) {
    let mut due = Instant::now();
    let (mut rate, mut second) = (150.0, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let mut load = load.lock().unwrap();
        let mut count = 1;
        if second.elapsed() > Duration::from_secs(1) {
            second = Instant::now();
            rate = f64::from(u32::try_from(100 + dice.below(100)).unwrap());
            count = if load.is_heavy || dice.below(6) == 0 { 30 + dice.below(100) } else { 1 };
        }
        if !load.is_paused {
            (0..count).for_each(|_| load.publish(engine));
        }
        drop(load);
        due = (due + Duration::from_secs_f64(1.0 / rate)).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// The parts that faults are independent of each other in.
#[derive(Clone, Copy)]
enum Part {
    Listener,
    Queue,
    Engine,
    Disk,
}

struct Lane {
    part: Part,
    /// When the next fault begins, or the one that lasts ends.
    next: Instant,
    /// The place of the fault that lasts.
    open: Option<usize>,
}

/// Everything that the faults are done to, and what came of it.
struct Run<'r> {
    dice: Dice,
    wazuh: &'r Wazuh,
    engine: &'r Simulated,
    load: &'r Mutex<Load>,
    disk: Option<Disk>,
    program: Option<Program>,
    is_frozen: bool,
    queue: Option<Queue>,
    /// The one that was replaced and is still open.
    old_queue: Option<Queue>,
    is_unread: bool,
    is_unread_for_the_disk: bool,
    /// Nothing is done to the process itself while the disk is full, so that what waits fills its memory.
    is_spared: bool,
    faults: Vec<Fault>,
    tally: Tally,
    /// What came to a queue that had been replaced.
    at_old_queues: usize,
    starts: usize,
    slowest_stop: Duration,
    /// What the processes have said that ended.
    said: Vec<String>,
    findings: Vec<String>,
}

impl Run<'_> {
    fn start(&mut self) {
        let command = Program::command(self.wazuh.home(), &self.engine.url());
        let command = self.disk.as_ref().map(|disk| disk.with(&command)).unwrap_or(command);
        self.program = Some(Program::spawn(command));
        self.starts += 1;
    }

    /// The process has ended: its connections are gone, and its words are kept.
    fn bury(&mut self) {
        self.engine.cut();
        let said = self.program.take().unwrap().said();
        self.said.push(format!("process {}:\n{said}", self.starts));
        self.is_frozen = false;
    }

    /// Takes what comes, until then.
    fn pump(&mut self, end: Instant) {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let moment = left.clamp(Duration::from_millis(1), Duration::from_millis(20));
            match &self.queue {
                Some(queue) if !self.is_unread && !self.is_unread_for_the_disk => {
                    if let Some(message) = queue.message_within(moment) {
                        self.tally.take(&support::parse(&message));
                    }
                }
                _ => std::thread::sleep(moment),
            }
        }
    }

    /// Takes what comes until something is so.
    fn pump_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + support::PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < end, "waited in vain for {what}");
            self.pump(Instant::now() + Duration::from_millis(20));
        }
    }

    fn watch(&mut self) {
        if let Some(status) = self.program.as_mut().and_then(Program::ended) {
            self.findings.push(format!("the program ended by itself at {}: {status}", Timestamp::now()));
            self.bury();
            self.start();
        }
    }

    /// What the kernel took and nobody has read is gone with the socket, which nobody can tell: none is closed before
    /// it is empty, and nothing comes meanwhile.
    fn close(&mut self, queue: Queue, close: impl FnOnce(Queue)) -> usize {
        let stands = self.program.as_ref().filter(|_| !self.is_frozen);
        if let Some(program) = stands {
            program.signal(Signal::SIGSTOP);
            until("a process that stands still", || stands_still(program.pid()).then_some(()));
        }
        let rest = queue.rest(Duration::from_millis(1));
        close(queue);
        if let Some(program) = stands {
            program.signal(Signal::SIGCONT);
        }
        for json in &rest {
            self.tally.take(json);
        }
        rest.len()
    }

    fn order_to_stop(&mut self) {
        let program = self.program.as_ref().unwrap();
        // A process that has not come so far as to hear the order is ended by it.
        until("one that hears the order", || hears(program.pid(), Signal::SIGTERM).then_some(()));
        program.signal(Signal::SIGTERM);
        let ordered = Instant::now();
        let mut status = None;
        self.pump_until("the end of the program", |run| {
            status = run.program.as_mut().unwrap().ended();
            status.is_some()
        });
        self.slowest_stop = self.slowest_stop.max(ordered.elapsed());
        if !status.unwrap().success() {
            self.findings.push(format!("ordered to stop, it ended with {}", status.unwrap()));
        }
        self.bury();
    }

    fn kill(&mut self) {
        let program = self.program.as_mut().unwrap();
        program.signal(Signal::SIGKILL);
        program.ends();
        self.bury();
    }

    fn socket(&self) -> PathBuf {
        self.engine.engine.folder.path().join("docker.sock")
    }

    /// Begins a fault of this part; which, and how long it lasts.
    fn begin(&mut self, part: Part) -> (What, Duration) {
        use What::{
            Cut, DiskFull, EngineAnother, EngineAway, EngineEmptied, Frozen, FrozenAndKilled, Killed, KilledForLong,
            QueueRemoved, QueueReplaced, QueueUnread, Stopped,
        };
        let mut what = match part {
            Part::Listener => self.dice.of(&[
                Killed,
                Killed,
                Killed,
                KilledForLong,
                FrozenAndKilled,
                Stopped,
                Stopped,
                Frozen,
                Frozen,
            ]),
            Part::Queue => self.dice.of(&[QueueRemoved, QueueReplaced, QueueUnread]),
            Part::Engine => self.dice.of(&[Cut, Cut, EngineAway, EngineAway, EngineEmptied, EngineAnother]),
            Part::Disk => DiskFull,
        };
        let lasts = match what {
            Killed | Stopped => self.dice.millis(1, 400),
            KilledForLong => self.dice.millis(2000, 3500),
            Frozen | FrozenAndKilled | QueueRemoved => self.dice.millis(300, 3000),
            QueueReplaced | QueueUnread => self.dice.millis(1000, 4000),
            DiskFull => self.dice.millis(2000, 10_000),
            Cut => Duration::from_millis(1),
            EngineAway | EngineEmptied | EngineAnother => self.dice.millis(100, 600),
        };
        // Of an engine whose place another has taken nothing can be asked any more, and nobody can miss what it did.
        if what == EngineAnother && (self.program.is_none() || self.is_frozen || self.engine.subscribers() == 0) {
            what = Cut;
        }
        self.faults.push(Fault { what, from: Timestamp::now(), to: None });
        match what {
            Killed | KilledForLong => self.kill(),
            Stopped => self.order_to_stop(),
            Frozen | FrozenAndKilled => {
                self.program.as_ref().unwrap().signal(Signal::SIGSTOP);
                self.is_frozen = true;
            }
            QueueRemoved => {
                let queue = self.queue.take().unwrap();
                self.close(queue, Queue::remove);
            }
            QueueReplaced => {
                self.old_queue = self.queue.take();
                fs::remove_file(self.wazuh.home().join("queue/sockets/queue")).unwrap();
                self.queue = Some(self.wazuh.queue());
            }
            QueueUnread => self.is_unread = true,
            DiskFull => {
                self.disk.as_ref().unwrap().fill();
                // Only what waits needs the disk.
                self.is_unread_for_the_disk = true;
                self.is_spared = self.dice.below(2) == 0;
                self.load.lock().unwrap().is_heavy = true;
            }
            Cut => self.engine.cut(),
            EngineAway => {
                fs::rename(self.socket(), self.socket().with_extension("away")).unwrap();
                self.engine.cut();
            }
            EngineEmptied | EngineAnother => {
                // An engine that is gone has no events.
                self.load.lock().unwrap().is_paused = true;
                fs::rename(self.socket(), self.socket().with_extension("away")).unwrap();
                self.engine.restart();
            }
        }
        (what, lasts)
    }

    fn end(&mut self, place: usize) {
        match self.faults[place].what {
            What::Killed | What::KilledForLong | What::Stopped => self.start(),
            What::FrozenAndKilled => {
                self.kill();
                self.start();
            }
            What::Frozen => {
                self.program.as_ref().unwrap().signal(Signal::SIGCONT);
                self.is_frozen = false;
            }
            What::QueueRemoved => self.queue = Some(self.wazuh.queue()),
            What::QueueReplaced => {
                let old = self.old_queue.take().unwrap();
                self.at_old_queues += self.close(old, drop);
            }
            What::QueueUnread => self.is_unread = false,
            What::DiskFull => {
                self.disk.as_ref().unwrap().free();
                (self.is_unread_for_the_disk, self.is_spared) = (false, false);
                self.load.lock().unwrap().is_heavy = false;
            }
            What::Cut => {}
            What::EngineAway => fs::rename(self.socket().with_extension("away"), self.socket()).unwrap(),
            What::EngineEmptied | What::EngineAnother => {
                if self.faults[place].what == What::EngineAnother {
                    self.engine.engine.says.lock().unwrap().id = format!("WXYZ:{place}");
                }
                fs::rename(self.socket().with_extension("away"), self.socket()).unwrap();
                self.load.lock().unwrap().is_paused = false;
            }
        }
        self.faults[place].to = Some(Timestamp::now());
    }

    /// Faults at random until then; all of them are over in the end.
    fn play(&mut self, end: Instant) {
        let mut parts = vec![Part::Listener, Part::Queue, Part::Engine];
        if self.disk.is_some() {
            parts.push(Part::Disk);
        }
        let lane = |part, dice: &mut Dice| Lane { part, next: Instant::now() + pause(part, dice), open: None };
        let mut lanes: Vec<Lane> = parts.into_iter().map(|part| lane(part, &mut self.dice)).collect();
        while Instant::now() < end || lanes.iter().any(|lane| lane.open.is_some()) {
            let lane = lanes.iter_mut().min_by_key(|lane| lane.next).unwrap();
            self.pump(lane.next.min(Instant::now() + Duration::from_millis(50)));
            self.watch();
            if lane.next > Instant::now() {
                continue;
            }
            if matches!(lane.part, Part::Listener) && lane.open.is_none() && self.is_spared {
                lane.next = Instant::now() + Duration::from_millis(100);
                continue;
            }
            if let Some(place) = lane.open.take() {
                self.end(place);
                lane.next = Instant::now() + pause(lane.part, &mut self.dice);
            } else if Instant::now() < end {
                let (_, lasts) = self.begin(lane.part);
                lane.open = Some(self.faults.len() - 1);
                lane.next = Instant::now() + lasts;
            } else {
                lane.next = Instant::now() + Duration::from_secs(60);
            }
        }
    }

    /// All that happened and arrived so often.
    fn arrived(&self, is_so: impl Fn(usize) -> bool) -> Vec<Event> {
        let load = self.load.lock().unwrap();
        let events =
            load.events.iter().enumerate().map(|(number, (name, at))| Event { number, name: name.clone(), at: *at });
        events.filter(|event| is_so(self.tally.events.get(&event.name).copied().unwrap_or_default())).collect()
    }

    fn missing(&self) -> Vec<Event> {
        self.arrived(|times| times == 0)
    }

    fn gaps(&self) -> Vec<Gap> {
        self.tally.notices.iter().filter(|notice| notice["notice"] == "gap").map(Gap::of).collect()
    }

    /// Nothing is missing before this, as a gap says, less what an event may be on its way: a process that is frozen reads
    /// nothing meanwhile.
    fn since(&self, from: Timestamp) -> Timestamp {
        let from = from - ON_ITS_WAY;
        let frozen =
            self.faults.iter().filter(|fault| fault.what.freezes() && fault.lasted_into(from, from + ON_ITS_WAY));
        frozen.map(|fault| fault.from).min().map_or(from, |frozen| frozen.min(from))
    }

    fn covers(&self, gap: &Gap, at: Timestamp) -> bool {
        // What is counted was read before it was lost, which after a break may be a while after it happened.
        let read = if gap.count.is_some() { AFTERMATH } else { Duration::ZERO };
        gap.from.is_none_or(|from| self.since(from) - read <= at) && at <= gap.to
    }

    /// Whether a gap tells of what a process had read and lost with its end, but begins later than that.
    fn begins_too_late_for(&self, gap: &Gap, events: &[Event]) -> bool {
        let last = events.last().unwrap().at;
        let ends = |fault: &Fault| fault.what.restarts() && fault.lasted_into(last, gap.to);
        let is_near = gap.from.is_some_and(|from| last < from && from < last + Duration::from_secs(3));
        gap.count.is_none() && is_near && self.faults.iter().any(ends)
    }

    /// What is missing without any word, what happened together together.
    fn untold(&self) -> Vec<Vec<Event>> {
        let gaps = self.gaps();
        let is_told = |at| gaps.iter().any(|gap| self.covers(gap, at));
        together(self.missing().into_iter().filter(|event| !is_told(event.at)))
    }

    /// The gap that would tell of these if it began in time.
    fn late_gap<'g>(&self, gaps: &'g [Gap], events: &[Event]) -> Option<&'g Gap> {
        gaps.iter().find(|gap| self.begins_too_late_for(gap, events))
    }

    fn judge(&mut self) {
        let mut findings = Vec::new();
        let (missing, gaps) = (self.missing(), self.gaps());
        for events in self.untold() {
            let what = format!("{} are missing", extent(&events));
            let next = gaps.iter().filter(|gap| gap.to >= events[0].at).min_by_key(|gap| gap.to);
            findings.push(self.late_gap(&gaps, &events).map_or_else(
                || format!("{what}, and no gap says so; the next one is {next:?}"),
                |gap| format!("{what}: the gap begins too late: {gap:?}"),
            ));
        }
        // Of what only gaps with a count can tell there must be no more than they say.
        let uncounted = |at| gaps.iter().any(|gap| gap.count.is_none() && self.covers(gap, at));
        let counts = |at| gaps.iter().any(|gap| gap.count.is_some() && self.covers(gap, at));
        let counted = missing.iter().filter(|event| counts(event.at) && !uncounted(event.at)).count();
        let told: usize = gaps.iter().filter_map(|gap| gap.count).sum();
        if counted > told {
            findings.push(format!("{counted} events are missing for which gaps with a count say {told}"));
        }
        // What was lost in one process may still be in the ring for the next.
        let losses = |fault: &&Fault| {
            fault.what.restarts()
                && gaps
                    .iter()
                    .any(|gap| gap.count.is_some() && fault.lasted_into(gap.to, gap.to + Duration::from_secs(5)))
        };
        let again = self.faults.iter().filter(losses).count() * RING;
        if told > missing.len() + again {
            findings.push(format!("gaps say {told} lost, {} are missing", missing.len()));
        }
        for events in together(self.arrived(|times| times > 1)) {
            findings.push(format!("{} came again without a word", extent(&events)));
        }
        for gap in &gaps {
            self.judge_gap(gap, &missing, &mut findings);
        }
        self.judge_notices(&mut findings);
        self.findings.extend(findings);
    }

    fn judge_gap(&self, gap: &Gap, missing: &[Event], findings: &mut Vec<String>) {
        let since = self.since(gap.from.unwrap_or(gap.to)) - AFTERMATH;
        let may = |fault: &&Fault| fault.what.may_cause(&gap.kind) && fault.lasted_into(since, gap.to);
        if !self.faults.iter().any(|fault| may(&fault)) {
            findings.push(format!("nothing that happened can have caused {gap:?}"));
        }
        if gap.kind == "ring_wrapped" {
            let load = self.load.lock().unwrap();
            let happened = load.events.iter().filter(|(_, at)| self.covers(gap, *at)).count();
            let lost = missing.iter().filter(|event| self.covers(gap, event.at)).count();
            println!("ring_wrapped at {}: {happened} happened in it, {lost} are missing", gap.to);
            if happened < RING || (lost == 0 && happened > RING + UNCERTAIN) {
                findings.push(format!("no ring has wrapped where {happened} happened and {lost} are missing: {gap:?}"));
            }
        }
    }

    fn judge_notices(&self, findings: &mut Vec<String>) {
        let said = |wanted: &str| -> Vec<Timestamp> {
            let notices = self.tally.notices.iter().filter(|notice| notice["notice"] == wanted);
            notices.map(|notice| time(&notice["timestamp"]).unwrap()).collect()
        };
        let connected = said("connected");
        for notice in &self.tally.notices {
            let Some(name) = notice["notice"].as_str().filter(|name| !["gap", "heartbeat"].contains(name)) else {
                continue;
            };
            let at = time(&notice["timestamp"]).unwrap();
            // It is told to the millisecond.
            let until = at + Duration::from_millis(1);
            // How long it waits for an engine depends on how often it has waited before.
            let before = connected.iter().filter(|before| name == "connected" && **before < at).max();
            let since = before.copied().unwrap_or(at - AFTERMATH);
            let may = |fault: &Fault| fault.what.may_have_it_say(name) && fault.lasted_into(since, until);
            if !self.faults.iter().any(may) && self.faults.first().is_none_or(|first| first.from < at) {
                findings.push(format!("nothing that happened can have it say {notice}"));
            }
        }
        let count = |wanted: fn(What) -> bool| self.faults.iter().filter(|fault| wanted(fault.what)).count();
        let breaks = count(What::is_of_the_engine);
        for (name, most) in [("started", self.starts), ("disconnected", breaks), ("connected", self.starts + breaks)] {
            let heard = self.tally.heard(name);
            if heard > most {
                findings.push(format!("{heard} times {name}, where {most} can be"));
            }
        }
        let said = self.said.concat();
        for word in ["panicked", "had failed"] {
            if said.contains(word) {
                findings.push(format!("it said {word:?}"));
            }
        }
    }

    fn print(&self, seed: u64, lasted: Duration) {
        let mut faults = BTreeMap::<What, usize>::new();
        self.faults.iter().for_each(|fault| *faults.entry(fault.what).or_default() += 1);
        let mut notices = BTreeMap::<String, usize>::new();
        for notice in &self.tally.notices {
            let word = |key: &str| notice[key].as_str().unwrap_or("late").to_owned();
            *notices.entry(if notice["notice"] == "gap" { word("kind") } else { word("notice") }).or_default() += 1;
        }
        let missing = self.missing();
        println!("seed {seed}, {:.0} s, {} faults: {faults:?}", lasted.as_secs_f64(), self.faults.len());
        let happened = self.load.lock().unwrap().events.len();
        println!(
            "{happened} events, {} missing, {} of these without a word; {} came again and said so; {} came to a replaced queue",
            missing.len(),
            self.untold().concat().len(),
            self.tally.repeats,
            self.at_old_queues
        );
        println!("notices: {notices:?}; the slowest stop took {} ms", self.slowest_stop.as_millis());
    }
}

/// Something that happened.
#[derive(Clone)]
struct Event {
    number: usize,
    name: String,
    at: Timestamp,
}

/// Those that happened one after another, but for a few between them.
fn together(events: impl IntoIterator<Item = Event>) -> Vec<Vec<Event>> {
    let mut spans = Vec::<Vec<Event>>::new();
    for event in events {
        match spans.last_mut() {
            Some(span) if event.number - span.last().unwrap().number <= UNCERTAIN => span.push(event),
            _ => spans.push(vec![event]),
        }
    }
    spans
}

fn extent(events: &[Event]) -> String {
    let (first, last) = (&events[0], events.last().unwrap());
    format!("{} events, from {} of {} to {} of {},", events.len(), first.name, first.at, last.name, last.at)
}

/// A gap that was told.
#[derive(Debug)]
struct Gap {
    kind: String,
    count: Option<usize>,
    from: Option<Timestamp>,
    to: Timestamp,
}

impl Gap {
    fn of(notice: &Value) -> Self {
        Self {
            kind: notice["kind"].as_str().unwrap().to_owned(),
            count: notice["count"].as_u64().map(|count| count.try_into().unwrap()),
            from: time(&notice["from"]),
            to: time(&notice["to"]).unwrap(),
        }
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// How long a part is left alone between two faults.
fn pause(part: Part, dice: &mut Dice) -> Duration {
    match part {
        Part::Listener | Part::Queue => dice.millis(300, 4000),
        Part::Engine => dice.millis(1500, 8000),
        Part::Disk => dice.millis(5000, 20_000),
    }
}

/// Whether each thread of a process is stopped.
fn stands_still(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['T', 'Z']))
    })
}

/// Whether a process does something of its own at a signal.
fn hears(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().any(|line| {
        let mask = line.strip_prefix("SigCgt:").or_else(|| line.strip_prefix("SigBlk:"));
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (signal as u64 - 1)) != 0)
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
#[ignore = "finds two things that are not mended yet: see the limits in README.md; --ignored runs it"]
fn random_faults_under_load() {
    let seed = number("SEED").unwrap_or_else(|| u64::try_from(Timestamp::now().as_millisecond()).unwrap() % 1_000_000);
    let lasts = Duration::from_secs(number("SECONDS").unwrap_or(40));
    println!("SEED={seed}");
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    wazuh.configure(&json!({"wait_time": 1, "max_events_per_second": 0, "backlog_memory": 4, "heartbeat": 1}));
    let own = wazuh.home().join("queue/docker-listener");
    fs::create_dir(&own).unwrap();
    let disk = Disk::mount(&own);
    if disk.is_none() {
        println!("without the fault of a full disk: nothing can be mounted here");
    }
    let (load, stop) = (Mutex::new(Load::default()), AtomicBool::new(false));
    let queue = Some(wazuh.queue());
    let mut run = Run {
        dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        wazuh: &wazuh,
        engine: &engine,
        load: &load,
        disk,
        program: None,
        is_frozen: false,
        queue,
        old_queue: None,
        is_unread: false,
        is_unread_for_the_disk: false,
        is_spared: false,
        faults: Vec::new(),
        tally: Tally::default(),
        at_old_queues: 0,
        starts: 0,
        slowest_stop: Duration::ZERO,
        said: Vec::new(),
        findings: Vec::new(),
    };
    run.start();
    until("a subscriber", || (engine.subscribers() > 0).then_some(()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(&engine, &load, &stop, Dice(seed | 1)));
        // A ring that was never full looks like that of an engine that was just started.
        run.pump_until("a ring that is full", |run| run.tally.events.len() > RING + UNCERTAIN);
        run.play(started + lasts);
        stop.store(true, Ordering::Relaxed);
        publisher.join().unwrap();
    });
    // The last process begins with the shortest waits.
    run.faults.push(Fault { what: What::Stopped, from: Timestamp::now(), to: None });
    run.order_to_stop();
    run.start();
    until("a subscriber", || (engine.subscribers() > 0).then_some(()));
    run.faults.last_mut().unwrap().to = Some(Timestamp::now());
    let last = {
        let mut load = load.lock().unwrap();
        (0..20).for_each(|_| load.publish(&engine));
        load.events.last().unwrap().0.clone()
    };
    run.pump_until("the last event", |run| run.tally.events.contains_key(&last));
    // What is told of losses follows, with nothing else to wait for.
    let end = Instant::now() + support::PATIENCE;
    while {
        run.pump(Instant::now() + Duration::from_secs(2));
        run.untold().iter().any(|events| run.late_gap(&run.gaps(), events).is_none()) && Instant::now() < end
    } {}
    run.watch();
    run.order_to_stop();
    run.judge();
    run.print(seed, started.elapsed());
    if !run.findings.is_empty() {
        for fault in &run.faults {
            println!("{} to {}: {:?}", fault.from, fault.to.unwrap_or_default(), fault.what);
        }
        for notice in &run.tally.notices {
            println!("{notice}");
        }
        println!("{}", run.said.join("\n"));
    }
    run.findings.truncate(50);
    assert!(run.findings.is_empty(), "SEED={seed}:\n{}", run.findings.join("\n"));
}
