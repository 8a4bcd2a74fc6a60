//! The map of the house. One event walks one way through it and never turns back:
//!
//! ```text
//! engine ──▶ docker::reader ──▶ backlog ──▶ event ──▶ wazuh::message ──▶ wazuh::queue
//! (raw line)  never waits       bounded     parse,    order, cap,        one socket,
//!                               in bytes    filter    frame              waits, retries
//! ```
//!
//! | room | what is in it |
//! |---|---|
//! | [`cli`] | the command line's definitions, nothing else |
//! | [`commands`] | one file a command: run, events, check, demo |
//! | [`config`] | `docker-listener.json`: defaults, and an answer for each error |
//! | [`settings`] | command line, configuration and environment made one |
//! | [`listener`] | the threads and their life: start, watch, stop in order |
//! | [`docker`] | everything that speaks to an engine |
//! | [`backlog`] | between reading and the rest: bounded memory, then counted loss |
//! | [`cursor`] | what was read already; refuses doubles |
//! | [`event`] | what an event is and means: pure, without I/O |
//! | [`wazuh`] | everything Wazuh: home, message, queue, notices, log |
//! | [`retry`], [`stop`] | waits that grow, outages told once; the order to stop |
//!
//! Nothing in `event` knows of sockets, nothing in `docker` knows of Wazuh; `listener` is the room that knows them all.
#![forbid(unsafe_code)]

pub mod backlog;
pub mod cli;
pub mod commands;
pub mod config;
pub mod cursor;
pub mod docker;
pub mod event;
pub mod listener;
pub mod retry;
pub mod settings;
pub mod stop;
pub mod wazuh;
