//! Shows events as `docker events` does, or what would be sent for them; sends nothing.

mod format;
mod template;

use std::io::{ErrorKind, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Exit, log_target, settings};
use crate::cli;
use crate::docker::events::Query;
use crate::docker::lines::{Line, LineSplitter};
use crate::docker::{Engine, times};
use crate::event::Event;
use crate::settings::Settings;
use crate::wazuh::home::Home;
use crate::wazuh::log;
use crate::wazuh::message::Context;
use format::Format;

/// Prints events until the engine ends the stream or nobody reads any more.
#[must_use]
pub fn run(home: &Home, options: &cli::Options, events: &cli::Events) -> Exit {
    let Ok(_log) = log::start(log_target(home, options), options.debug) else { return Exit::Fault };
    let settings = match settings(home, options) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    let now = Timestamp::now();
    let zone = TimeZone::system();
    let time = |text: &Option<String>| text.as_deref().map(|text| times::parse(text, now, &zone)).transpose();
    let (since, until) = match (time(&events.since), time(&events.until)) {
        (Ok(since), Ok(until)) => (since, until),
        (Err(error), _) | (_, Err(error)) => {
            ::log::error!("{error}");
            return Exit::Failed;
        }
    };
    let format = match Format::parse(events.format.as_deref(), zone) {
        Ok(format) => format,
        Err(error) => {
            ::log::error!("{error}");
            return Exit::Failed;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ::log::error!("cannot start: {error}");
            return Exit::Fault;
        }
    };
    match runtime.block_on(print(&settings, since, until, &format)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            ::log::error!("{error}");
            Exit::Failed
        }
    }
}

async fn print(
    settings: &Settings,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    format: &Format,
) -> Result<(), String> {
    let say = |error: crate::docker::EngineError| error.to_string();
    let engine = Engine::new(settings.endpoint.clone());
    let identity = engine.identity().await.map_err(say)?;
    let query = Query::between(since, until, identity.is_podman());
    let query = if identity.is_podman() { query } else { query.filtered(&settings.config.include) };
    let mut stream = engine.events(&query).await.map_err(say)?;
    let endpoint = settings.endpoint.to_string();
    let mut printer = Printer { settings, format, context: Context::new(identity, &endpoint, 0), closed: false };
    if let Some(header) = format.header() {
        printer.write(&header);
    }
    let mut splitter = LineSplitter::default();
    while !printer.closed {
        match stream.next_piece().await {
            Ok(Some(piece)) => splitter.push(piece, |line| printer.line(line)),
            Ok(None) => break,
            Err(error) => return Err(format!("the stream of {} broke: {error}", settings.endpoint)),
        }
    }
    splitter.finish(|torn| printer.line(Line::Refused(torn)));
    Ok(())
}

struct Printer<'a> {
    settings: &'a Settings,
    format: &'a Format,
    context: Context,
    closed: bool,
}

impl Printer<'_> {
    fn line(&mut self, line: Line<'_>) {
        let line = match line {
            Line::Whole(line) => line,
            Line::Refused(refused) => {
                ::log::warn!("a line of the engine was refused ({}, {} bytes)", refused.why.name(), refused.length);
                return;
            }
        };
        let event = match Event::parse(line) {
            Ok(event) => event,
            Err(error) => {
                ::log::warn!("a line of the engine was refused (not_json, {} bytes): {error}", line.len());
                return;
            }
        };
        let config = &self.settings.config;
        if config.include.matches(&event) && (config.exclude.is_empty() || !config.exclude.matches(&event)) {
            self.context.sequence += 1;
            let text = self.format.event(&event, line, &self.context, self.settings);
            self.write(&text);
        }
    }

    fn write(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
            self.closed = true;
            if error.kind() != ErrorKind::BrokenPipe {
                ::log::error!("cannot print: {error}");
            }
        }
    }
}
