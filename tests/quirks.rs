//! Each row of `QUIRKS.md` names a test; here it is looked for.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(folder).unwrap().flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) }
    })
}

#[test]
fn every_difference_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = include_str!("QUIRKS.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && !line.contains("| test |")).collect();
    assert!(rows.len() > 25);
    for row in rows {
        let test = row.rsplit('`').nth(1).unwrap_or_else(|| panic!("no test in: {row}"));
        let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("no test in: {row}"));
        let path = find(&root.join("src"), file).or_else(|| find(&root.join("tests"), file));
        let code = fs::read_to_string(path.unwrap_or_else(|| panic!("no file {file}"))).unwrap();
        assert!(code.contains(&format!("fn {name}(")), "{test}");
    }
}
