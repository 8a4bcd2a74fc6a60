//! The reader over a long time that passes in a moment: nothing happens, and then the engine freezes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::simulated::Simulated;
use support::tally::Row;
use support::until;
use tokio::sync::{oneshot, watch};
use wazuh_docker_listener::docker::endpoint::Endpoint;
use wazuh_docker_listener::docker::reader::{Before, Plan, Reader, Reading, Seen, Sink};

/// Writes down what the reader tells.
struct Notes(Arc<Mutex<Vec<String>>>);

impl Sink for Notes {
    fn take(&mut self, reading: Reading<'_>) -> Seen {
        let note = match reading {
            Reading::Line(line) => format!("line {}", String::from_utf8_lossy(line)),
            Reading::Connected(..) => "connected".to_owned(),
            Reading::Disconnected(reason, _) => format!("disconnected: {reason}"),
            Reading::Engine { .. } | Reading::Asked(_) => return Seen::New,
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(note);
        Seen::New
    }
}

/// A reader whose time passes only when told to.
struct Timeless {
    advance: tokio::sync::mpsc::UnboundedSender<(Duration, mpsc::Sender<()>)>,
    plan: Option<watch::Sender<Plan>>,
    thread: Option<std::thread::JoinHandle<()>>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Timeless {
    fn start(url: &str) -> Self {
        let endpoint = Endpoint::parse(url, None).unwrap();
        let (plan, plans) = watch::channel(Plan { enabled: true, endpoint, wait_time: Duration::from_secs(1) });
        let notes: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = Notes(Arc::clone(&notes));
        let (advance, mut wanted) = tokio::sync::mpsc::unbounded_channel::<(Duration, mpsc::Sender<()>)>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(async {
                // A paused clock runs ahead whenever nothing else does, but not while a blocking task lives: the
                // engine is outside, and its answers take real time.
                let (done, end) = oneshot::channel::<()>();
                let blocking = tokio::task::spawn_blocking(move || end.blocking_recv());
                let reading = tokio::spawn(Reader::new(plans, sink, Before::default(), 7).run());
                while let Some((time, passed)) = wanted.recv().await {
                    tokio::time::advance(time).await;
                    passed.send(()).unwrap();
                }
                drop(reading.await);
                drop(done);
                let _ = blocking.await;
            });
        });
        Self { advance, plan: Some(plan), thread: Some(thread), notes }
    }

    fn pass(&self, time: Duration) {
        let (passed, wait) = mpsc::channel();
        self.advance.send((time, passed)).unwrap();
        wait.recv().unwrap();
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    fn end(mut self) {
        self.plan.take();
        drop(self.advance);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn thirty_minutes_of_idle_and_then_a_frozen_engine() {
    let engine = Simulated::docker();
    let reader = Timeless::start(&engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    until("the connection", || (reader.notes() == ["connected"]).then_some(()));
    let pings = || engine.engine.says.lock().unwrap().pings;
    let checks = || engine.engine.says.lock().unwrap().looks;
    let (first_pings, first_checks) = (pings(), checks());
    // An empty ring right after a connection is what a restarted engine has; this sink decides nothing on it.
    reader.pass(Duration::from_secs(2));
    until("the judgement of the ring", || (reader.notes().len() == 2).then_some(()));
    for half_minute in 1..=60 {
        reader.pass(Duration::from_secs(30));
        until("a sign of life", || (pings() == first_pings + half_minute).then_some(()));
        until("a look at the ring", || (checks() == first_checks + half_minute / 2).then_some(()));
    }
    assert_eq!(reader.notes(), ["connected", "Gap(EngineRestarted)"], "nothing else was to be told");
    assert_eq!((engine.subscribers(), pings() - first_pings, checks() - first_checks), (1, 60, 30));

    engine.publish(1);
    until("the event", || reader.notes().last().unwrap().starts_with("line ").then_some(()));
    let row = Row { happened: 1, arrived: 1, ..Row::default() };
    row.print(
        "30 minutes of idle (virtual time), then one event",
        "fake",
        "60 pings, 30 looks at the ring, 1 connection",
    );

    engine.engine.says.lock().unwrap().is_frozen = true;
    let before = pings();
    reader.pass(Duration::from_secs(30));
    until("a ping that nobody answers", || (pings() == before + 1).then_some(()));
    assert!(!reader.notes().iter().any(|note| note.starts_with("disconnected")));
    reader.pass(Duration::from_secs(5));
    let said = until("the end of a dead connection", || {
        reader.notes().into_iter().find(|note| note.starts_with("disconnected"))
    });
    assert!(said.contains("does not answer (a ping within 5s)"), "{said}");
    reader.end();
}
