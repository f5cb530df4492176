//! The laws that every check keeps.

use std::collections::{BTreeMap, BTreeSet};

use orgscan::{aws::pace, check::Check, checks, generate};
use serde_json::Value;

use crate::harness::repository;

const VERBS: &[&str] = &["find_", "get_", "analyze_"];
/// Words that name the cure instead of what is found, or nothing at all.
const BANNED: &[&str] = &["should", "ensure", "optimize", "util"];
const READS: &[&str] = &["Describe", "Get", "List", "BatchGet", "Search", "Lookup"];
/// Reads that return what customers store.
const CONTENT: &[&str] =
    &["GetObject", "GetSecretValue", "GetParameter", "GetItem", "Query", "Scan", "ReceiveMessage", "GetLogEvents"];
/// The most characters of a managed policy, white space not counted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>, read Oct 2026).
const POLICY_CHARACTERS: usize = 6_144;

/// The input schema of a tool, exactly as clients see it.
fn shown(check: &Check) -> Value {
    let path = format!("tests/tools/{}.json", check.name());
    let file = generate::files().into_iter().find(|it| it.path.as_os_str() == path.as_str());
    let tool: Value = serde_json::from_str(&file.expect("every tool is written down").text).expect("JSON");
    tool["inputSchema"].clone()
}

fn properties(schema: &Value) -> Vec<(String, Value)> {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    properties.into_iter().collect()
}

#[test]
fn names_are_unique_and_say_what_is_done_in_few_verbs() {
    let names: Vec<_> = checks::all().iter().map(|it| it.name()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    for name in names {
        assert!(VERBS.iter().any(|it| name.starts_with(it)), "{name} begins with none of {VERBS:?}");
        assert!(name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_'), "{name}");
        for word in BANNED {
            assert!(!name.contains(word), "{name} holds '{word}'");
        }
    }
}

#[test]
fn checks_are_in_the_order_of_category_and_name() {
    let places: Vec<_> = checks::all().iter().map(|it| (it.category(), it.name())).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn docs_open_with_one_short_sentence_and_go_on() {
    for check in checks::all() {
        let (docs, summary) = (check.docs(), check.summary());
        assert!(summary.chars().count() < 100, "{}: the first line is long: {summary}", check.name());
        assert!(summary.ends_with('.'), "{}: the first line is no sentence: {summary}", check.name());
        assert!(summary.starts_with(|it: char| it.is_uppercase()), "{}: {summary}", check.name());
        assert!(!summary.trim_end_matches('.').contains(". "), "{}: more than a sentence: {summary}", check.name());
        assert!(docs.lines().count() > 2, "{}: says only what it does", check.name());
        assert!(!check.title.is_empty() && !check.title.ends_with('.'), "{}: {}", check.name(), check.title);
    }
}

#[test]
fn every_parameter_says_what_it_means_and_may_be_left_out() {
    for check in checks::all() {
        let schema = shown(check);
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        assert!(required.is_empty(), "{} cannot be asked without {required:?}", check.name());
        for (name, it) in properties(&schema) {
            let description = it["description"].as_str().unwrap_or_default();
            assert!(description.len() > 10, "{}: {name} says nothing of itself", check.name());
            assert!(it["type"].is_string(), "{}: {name} has no type of its own: {it}", check.name());
            let own = !check.schema()["properties"][&name].is_null();
            let optional = check.schema()["properties"][&name]["type"].as_array().is_some();
            assert!(!own || optional || !it["default"].is_null(), "{}: {name} has no default", check.name());
        }
    }
}

#[test]
fn a_parameter_of_one_name_has_one_type() {
    let mut types: BTreeMap<String, (Value, &str)> = BTreeMap::new();
    for check in checks::all() {
        for (name, it) in properties(&shown(check)) {
            let kind = it["type"].clone();
            let (first, by) = types.entry(name.clone()).or_insert((kind.clone(), check.name()));
            assert_eq!(*first, kind, "{name} in {by} and in {}", check.name());
        }
    }
}

#[test]
fn schemas_are_flat_objects_that_every_client_understands() {
    for check in checks::all() {
        let schema = shown(check);
        assert_eq!(schema["type"], "object", "{}", check.name());
        assert_eq!(schema["additionalProperties"], false, "{}", check.name());
        for word in ["anyOf", "oneOf", "allOf", "$ref"] {
            assert!(schema.get(word).is_none(), "{}: {word} at the top", check.name());
            for (name, it) in properties(&schema) {
                assert!(it.get(word).is_none(), "{}: {name} has {word}", check.name());
            }
        }
    }
}

#[test]
fn actions_read_and_never_read_content() {
    for check in checks::all() {
        assert!(!check.actions().is_empty(), "{} asks nothing", check.name());
        for action in check.actions() {
            let (operation, iam) = (action.operation, action.iam());
            let iam = iam.split(':').nth(1).expect("a prefix and a name");
            for name in [operation, iam] {
                assert!(READS.iter().any(|it| name.starts_with(it)), "{}: {action:?} does not read", check.name());
                assert!(!CONTENT.contains(&name), "{}: {action:?} reads content", check.name());
            }
        }
    }
}

#[test]
fn savings_that_another_tool_counts_as_well_name_a_tool_that_counts_its_own() {
    for check in checks::all() {
        let Some(whole) = check.within else { continue };
        let of = checks::all().into_iter().find(|it| it.name() == whole);
        assert!(of.is_some_and(|it| it.within.is_none() && it.name() != check.name()), "{}: {whole}", check.name());
    }
}

#[test]
fn every_action_has_a_published_rate() {
    for check in checks::all() {
        for action in check.actions() {
            assert!(pace::has_row(action), "{action:?} has no row in src/aws/limits.json");
        }
    }
}

#[test]
fn every_file_of_a_category_is_a_check_and_every_check_has_its_file() {
    let registered: BTreeSet<_> = checks::all().iter().map(|it| format!("{}/{}", it.category(), it.name())).collect();
    let mut files = BTreeSet::new();
    for category in std::fs::read_dir(repository("src/checks")).expect("checks").map(|it| it.expect("an entry").path())
    {
        if !category.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&category).expect("a category").map(|it| it.expect("an entry").path()) {
            let (name, of) = (file.file_stem().expect("a name"), category.file_name().expect("a name"));
            if name != "mod" {
                files.insert(format!("{}/{}", of.display(), name.display()));
            }
        }
    }
    assert_eq!(registered, files);
}

#[test]
fn the_member_policy_fits_a_managed_policy() {
    let policy: String = generate::policy_json(&checks::all()).split_whitespace().collect();
    assert!(policy.len() <= POLICY_CHARACTERS, "{} characters", policy.len());
}
