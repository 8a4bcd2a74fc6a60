//! Man pages and completions are made of the command line's own definitions; what is shipped must be what they make.
//! `UPDATE=1 cargo test --test generated` writes them anew.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;
use wazuh_docker_listener::cli::Cli;

const NAME: &str = "wazuh-docker-listener";

/// The files below `packaging/`, by path.
fn made() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut command = Cli::command();
    for (shell, file) in [
        (Shell::Bash, format!("completions/{NAME}.bash")),
        (Shell::Zsh, format!("completions/_{NAME}")),
        (Shell::Fish, format!("completions/{NAME}.fish")),
    ] {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, NAME, &mut text);
        files.insert(file.into(), text);
    }
    let command = Cli::command().disable_help_subcommand(true);
    let mut pages = vec![(NAME.to_owned(), command.clone())];
    for sub in command.get_subcommands() {
        // clap wants names that live for ever.
        let name: &'static str = Box::leak(format!("{NAME}-{}", sub.get_name()).into_boxed_str());
        let about = sub.clone().name(name).bin_name(format!("{NAME} {}", sub.get_name()));
        pages.push((name.to_owned(), about.version(env!("CARGO_PKG_VERSION"))));
    }
    for (name, page) in pages {
        let mut text = Vec::new();
        clap_mangen::Man::new(page).source(format!("{NAME} {}", env!("CARGO_PKG_VERSION"))).render(&mut text).unwrap();
        files.insert(format!("man/{name}.1").into(), text);
    }
    files
}

#[test]
fn what_is_shipped_is_what_the_command_line_makes() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let made = made();
    assert!(made.len() >= 10);
    for (path, text) in &made {
        let path = packaging.join(path);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let there = std::fs::read(&path).unwrap_or_default();
        assert!(there == *text, "{} is stale: UPDATE=1 cargo test --test generated", path.display());
    }
    for folder in ["man", "completions"] {
        for file in std::fs::read_dir(packaging.join(folder)).unwrap() {
            let name = Path::new(folder).join(file.unwrap().file_name());
            assert!(made.contains_key(&name), "{} is nobody's", name.display());
        }
    }
}
