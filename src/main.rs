//! `wazuh-docker-listener`: hands the command line to the library and ends with its exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Gives what a storm took back to the system; the C library's keeps it, a heap for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wazuh_docker_listener::commands::main(std::env::args_os())
}
