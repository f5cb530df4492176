//! The sources keep to their layers and to the habits of the house.

use std::path::{Path, PathBuf};

use crate::harness::repository;

const MOST_LINES: usize = 800;

struct Source {
    /// From the root of the repository.
    path: String,
    text: String,
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push(path);
        }
    }
}

/// Every Rust file of the repository.
fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches", "examples"].map(repository).iter().filter(|it| it.is_dir()) {
        walk(folder, &mut paths);
    }
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a source");
        let path = path.strip_prefix(repository("")).expect("in the repository").display().to_string();
        Source { path, text }
    };
    paths.into_iter().map(read).collect()
}

/// The lines of a file, without comments, up to its tests.
fn code(source: &Source) -> impl Iterator<Item = &str> {
    let lines = source.text.lines().take_while(|it| it.trim() != "#[cfg(test)]");
    lines.filter(|it| !it.trim_start().starts_with("//"))
}

/// That a word stands in the code of some folders only.
fn stands_only_under(word: &str, folders: &[&str]) {
    for source in sources().iter().filter(|it| it.path.starts_with("src/")) {
        if folders.iter().any(|it| source.path.starts_with(it)) {
            continue;
        }
        for line in code(source) {
            assert!(!line.contains(word), "{}: {word} stands only under {folders:?}: {line}", source.path);
        }
    }
}

/// The words of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|it: char| !it.is_alphanumeric() && it != '_').filter(|it| !it.is_empty())
}

/// That the files of a folder import nothing from some modules and name no path through them.
fn does_not_name(folder: &str, modules: &[&str]) {
    let files: Vec<_> = sources().into_iter().filter(|it| it.path.starts_with(folder)).collect();
    assert!(!files.is_empty(), "{folder} holds sources");
    for source in &files {
        let mut importing = false;
        for line in code(source) {
            importing |= words(line).take(3).any(|it| it == "use");
            for module in modules {
                let named = words(line).any(|it| it == *module);
                assert!(!named || !importing && !line.contains(&format!("{module}::")), "{}: {line}", source.path);
            }
            importing &= !line.contains(';');
        }
    }
}

#[test]
fn the_sdk_is_named_only_where_aws_is_asked() {
    stands_only_under("aws_sdk_", &["src/aws/", "src/engine/"]);
}

#[test]
fn mcp_and_http_are_named_only_by_who_serves_them() {
    stands_only_under("rmcp", &["src/server/"]);
    stands_only_under("axum", &["src/server/", "src/simulator/"]);
}

#[test]
fn checks_know_no_engine_no_caller_and_no_runtime() {
    does_not_name("src/checks/", &["engine", "server", "cli", "tokio"]);
}

#[test]
fn aws_knows_nobody_who_asks() {
    does_not_name("src/aws/", &["engine", "server", "cli", "checks", "generate"]);
}

#[test]
fn the_engine_knows_no_check_and_nobody_who_asks() {
    does_not_name("src/engine/", &["server", "cli", "checks", "generate"]);
    does_not_name("src/check.rs", &["engine", "server", "cli", "checks", "generate"]);
}

#[test]
fn only_the_demo_knows_the_simulator_and_that_knows_no_check_and_no_engine() {
    for folder in ["src/aws/", "src/checks/", "src/engine/", "src/generate/", "src/server/"] {
        does_not_name(folder, &["simulator"]);
    }
    does_not_name("src/simulator/", &["server", "cli", "generate"]);
    does_not_name("src/simulator/services/", &["engine", "checks", "check"]);
    does_not_name("src/simulator/world/", &["engine", "checks", "check"]);
}

#[test]
fn every_file_opens_with_what_it_is() {
    for source in sources() {
        assert!(source.text.starts_with("//! "), "{} does not open with //!", source.path);
    }
}

#[test]
fn nothing_is_left_to_do_and_no_lint_is_silenced() {
    // The words are put together here so that this file keeps the law too.
    let banned = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["#[al", "low("].concat(), ["#![al", "low("].concat()];
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            for word in &banned {
                assert!(!line.contains(word.as_str()), "{}:{}: {line}", source.path, number + 1);
            }
        }
    }
}

#[test]
fn no_file_is_long() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", source.path);
    }
}
