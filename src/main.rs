//! `wazuh-docker-listener`: hands the command line to the library and ends with its exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wazuh_docker_listener::commands::main(std::env::args_os())
}
