//! What is generated is committed as it is generated. `just update` writes it anew.

use std::{collections::BTreeSet, path::PathBuf};

use orgscan::generate;

use crate::harness::repository;

fn update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|it| it == "1")
}

/// The first lines that differ.
fn difference(committed: &str, generated: &str) -> String {
    const SHOWN: usize = 5;
    let (old, new): (Vec<_>, Vec<_>) = (committed.lines().collect(), generated.lines().collect());
    let lines = (0..old.len().max(new.len())).filter(|it| old.get(*it) != new.get(*it));
    let line = |sign: char, text: Option<&&str>| text.map(|it| format!("{sign}{it}\n")).unwrap_or_default();
    let shown =
        lines.take(SHOWN).map(|it| format!("line {}:\n{}{}", it + 1, line('-', old.get(it)), line('+', new.get(it))));
    shown.collect()
}

#[test]
fn generated_files_are_committed_as_generated() {
    let mut stale = Vec::new();
    for file in generate::files() {
        let path = repository(&file.path);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        if committed == file.text {
            continue;
        }
        if update() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
            std::fs::write(&path, &file.text).expect("the file can be written");
        } else {
            stale.push(format!("{}:\n{}", file.path.display(), difference(&committed, &file.text)));
        }
    }
    assert!(stale.is_empty(), "run `just update` (UPDATE=1 cargo test --test it generated):\n{}", stale.concat());
}

#[test]
fn every_recorded_tool_is_still_generated() {
    let generated: BTreeSet<PathBuf> = generate::files().into_iter().map(|it| it.path).collect();
    let Ok(recorded) = std::fs::read_dir(repository("tests/tools")) else { return };
    for file in recorded.map(|it| it.expect("an entry")) {
        let path = PathBuf::from("tests/tools").join(file.file_name());
        if update() && !generated.contains(&path) {
            std::fs::remove_file(file.path()).expect("the file can be removed");
        } else {
            assert!(generated.contains(&path), "{} is of no tool: run `just update`", path.display());
        }
    }
}
