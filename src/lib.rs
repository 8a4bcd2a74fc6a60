//! The map of the house. One event walks one way through it and never turns back:
//!
//! ```text
//! engine ──▶ docker::reader ──▶ intake ──▶ event ──▶ wazuh::message ──▶ backlog ──▶ wazuh::queue ──▶ cursor
//! (raw line)  never waits       bounded    parse,    order, cap,        memory,     paces, waits,    what was
//!                               in bytes   filter    frame              then disk   retries          delivered
//! ```
//!
//! | room | what is in it |
//! |---|---|
//! | [`cli`] | the command line's definitions, nothing else |
//! | [`commands`] | one file a command: run, status, events, check, audit, demo |
//! | [`config`] | `docker-listener.json`: defaults, and an answer for each error |
//! | [`settings`] | command line, configuration and environment made one |
//! | [`listener`] | the threads and their life: start, watch, stop in order |
//! | [`docker`] | everything that speaks to an engine |
//! | [`inquiry`] | what the engine is asked about one thing, beyond its events |
//! | [`kernel`] | what the kernel says of a container's first process |
//! | [`intake`] | between reader and pipeline: bounded memory, then counted loss |
//! | [`event`] | what an event is and means: pure, without I/O |
//! | [`backlog`] | between pipeline and sender: what waits for the queue, in memory, then on disk |
//! | [`cursor`] | what was delivered; survives restarts; refuses doubles |
//! | [`suspect`] | the line that is being worked on: one that killed a process is skipped by the next |
//! | [`folder`] | the folder under Wazuh's home for what outlives the process, and its lock |
//! | [`wazuh`] | everything Wazuh: home, message, queue, pace, notices, log, state |
//! | [`privileges`] | what the process gives up before its first thread starts |
//! | [`retry`], [`stop`], [`bounded`], [`lock`] | waits that grow, outages told once; the order to stop; a memory that forgets; a mutex's content |
//!
//! Nothing in `event` knows of sockets, nothing in `docker` knows of Wazuh; `listener` is the room that knows them all.
#![forbid(unsafe_code)]

pub mod backlog;
pub mod bounded;
pub mod cli;
pub mod commands;
pub mod config;
pub mod cursor;
pub mod docker;
pub mod event;
pub mod folder;
pub mod inquiry;
pub mod intake;
pub mod kernel;
pub mod listener;
pub mod lock;
pub mod privileges;
pub mod retry;
pub mod settings;
pub mod stop;
pub mod suspect;
pub mod wazuh;
