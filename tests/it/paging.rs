//! How AWS cuts its lists into pages does not show in the answer.

use serde_json::{Value, json};

use crate::harness::{adds_up, everything, findings, profile, tool_names, tools_that_need};

fn the_answer_is_the_same_with(faults: &Value, tools: &[&str]) {
    let scanned = profile(faults.clone()).scan(&[&["--quota-share", "1"], tools].concat());
    adds_up(&scanned.json["coverage"]);
    for tool in tools {
        let (paged, whole) = (scanned.report(tool), everything().report(tool));
        let without = |a: &Value, b: &Value| -> Vec<Value> {
            findings(a).iter().filter(|it| !findings(b).contains(it)).cloned().collect()
        };
        let (lost, new) = (without(whole, paged), without(paged, whole));
        assert!(lost.is_empty() && new.is_empty(), "{tool} with {faults} loses {lost:#?} and adds {new:#?}");
        assert_eq!(paged["findings"].to_string(), whole["findings"].to_string(), "{tool} with {faults}");
        assert_eq!(paged["coverage"], whole["coverage"], "{tool} with {faults}");
    }
    assert_eq!(scanned.code, Some(0), "{faults}");
}

/// The tools whose pages AWS gives out one a second; and the others.
fn slow_and_fast() -> (Vec<&'static str>, Vec<&'static str>) {
    let slow = tools_that_need("ce:GetCostAndUsage");
    tool_names().into_iter().partition(|it| slow.contains(it))
}

#[test]
fn lists_in_pages_of_one_give_the_same_answer() {
    the_answer_is_the_same_with(&json!({"page_size": 1}), &slow_and_fast().1);
}

#[test]
fn lists_in_pages_of_two_with_empty_pages_between_give_the_same_answer() {
    the_answer_is_the_same_with(&json!({"page_size": 2, "empty_pages": true}), &slow_and_fast().1);
}

#[test]
fn lists_in_pages_of_three_give_the_same_answer() {
    the_answer_is_the_same_with(&json!({"page_size": 3}), &slow_and_fast().1);
}

#[test]
fn a_bill_in_pages_gives_the_same_answer() {
    the_answer_is_the_same_with(&json!({"page_size": 19, "empty_pages": true}), &slow_and_fast().0);
}
