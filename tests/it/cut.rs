//! A scan that is cut short says so, keeps what it has, and stops calling.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{Profile, Running, adds_up, everything, findings, log_time, profile},
    talk::{Served, Session, call, message},
};

/// A scan that goes on for a long time and always has a next call to make.
const SLOWLY: &[&str] = &["--concurrency", "2", "--log", "off"];

fn slow() -> Profile {
    profile(json!({"delay_ms": 150}))
}

/// Waits until calls inside accounts are made.
fn well_under_way(caller: &Profile) {
    caller.wait_until("the scan is under way", |calls| calls.iter().filter(|it| it.service == "ec2").count() >= 2);
}

fn classes(coverage: &Value) -> Vec<&str> {
    coverage["not_scanned"].as_array().expect("a list").iter().filter_map(|it| it["class"].as_str()).collect()
}

#[test]
fn ctrl_c_ends_a_scan_within_about_a_second_with_an_honest_report() {
    let caller = profile(json!({"delay_ms": 150, "hang": ["ec2:DescribeVolumes"]}));
    let arguments = [&["scan", "--output", "json"], SLOWLY].concat();
    let running = Running::start(caller.command(&arguments));
    well_under_way(&caller);
    let moment = running.signal("INT");
    let stopped = Instant::now();
    let output = running.finish();
    assert!(stopped.elapsed() < Duration::from_secs(2), "ended after {:?}", stopped.elapsed());
    assert_eq!(output.code, Some(2), "{output:?}");
    let report = output.json();
    adds_up(&report["coverage"]);
    assert!(classes(&report["coverage"]).contains(&"cancelled"), "{}", report["coverage"]);
    for report in report["reports"].as_array().expect("reports") {
        adds_up(&report["coverage"]);
        // The payer alone may have answered before the signal; nothing that runs in each account can have.
        let cut = classes(&report["coverage"]).contains(&"cancelled");
        assert_eq!(report["coverage"]["complete"], !cut, "{}", report["tool"]);
        assert!(cut || report["coverage"]["targets"] == 1, "{}: {}", report["tool"], report["coverage"]);
    }
    caller.falls_silent_after(moment);
}

#[test]
fn at_the_deadline_a_scan_answers_with_what_it_has() {
    let (slow, quick) = ("find_unused_volumes", "find_unused_elastic_ips");
    let caller = profile(json!({"hang": ["ec2:DescribeVolumes"]}));
    let start = Instant::now();
    let scanned = caller.scan(&[slow, quick, "--deadline", "3"]);
    assert!(start.elapsed() < Duration::from_secs(7), "answered after {:?}", start.elapsed());
    assert_eq!(scanned.code, Some(2));
    adds_up(&scanned.json["coverage"]);
    let coverage = &scanned.report(slow)["coverage"];
    adds_up(coverage);
    assert_eq!(classes(coverage), ["account_suspended", "deadline"]);
    assert_eq!(coverage["scanned"], 0);
    assert_eq!(scanned.report(slow)["summary"]["lower_bound"], true);
    assert_eq!(scanned.report(quick)["coverage"], everything().report(quick)["coverage"]);
    assert_eq!(scanned.report(quick)["findings"], everything().report(quick)["findings"]);
}

#[test]
fn over_mcp_a_deadline_gives_a_part_and_the_cursor_the_rest() {
    let tool = "find_unused_volumes";
    let caller = profile(json!({"delay_ms": 500}));
    let mut session = Session::open(&caller, &[]);
    let part = session.call(tool, &json!({"deadline_seconds": 1}));
    adds_up(&part["coverage"]);
    assert_eq!(part["coverage"]["complete"], false, "{part}");
    assert!(classes(&part["coverage"]).contains(&"deadline"), "{}", part["coverage"]);
    let cursor = part["next_cursor"].as_str().expect("a cursor").to_owned();
    let whole = session.call(tool, &json!({"cursor": cursor}));
    assert_eq!(whole["scan_id"], part["scan_id"], "the same scan went on");
    assert_eq!(whole["findings"], everything().report(tool)["findings"]);
    assert_eq!(whole["coverage"], everything().report(tool)["coverage"]);
    assert_eq!(whole.get("next_cursor"), None);
}

#[test]
fn a_call_cancelled_over_stdio_stops_calling_aws() {
    let caller = slow();
    let mut session = Session::open(&caller, SLOWLY);
    let id = session.begin("find_unused_volumes", &json!({}));
    well_under_way(&caller);
    session.tell("notifications/cancelled", &json!({"requestId": id, "reason": "enough"}));
    caller.falls_silent_after(log_time());
    // The server goes on serving.
    caller.now_has(&json!({}));
    let answer = session.call("find_unused_volumes", &json!({}));
    assert_eq!(findings(&answer).len(), findings(everything().report("find_unused_volumes")).len());
}

#[test]
fn a_client_that_goes_away_over_http_stops_the_calls_to_aws() {
    let caller = slow();
    let served = Served::start(&caller, SLOWLY);
    let connection = call("find_unused_volumes", &json!({})).open(&served.endpoint);
    well_under_way(&caller);
    drop(connection);
    caller.falls_silent_after(log_time());
    caller.now_has(&json!({}));
    let answer = message(&call("find_unused_volumes", &json!({})).send(&served.endpoint));
    let found = findings(&answer["result"]["structuredContent"]).len();
    assert_eq!(found, findings(everything().report("find_unused_volumes")).len());
}

#[test]
fn a_server_told_to_stop_lets_a_running_call_end() {
    let caller = profile(json!({"delay_ms": 150}));
    let served = Served::start(&caller, &[]);
    let endpoint = served.endpoint.clone();
    let asking = std::thread::spawn(move || message(&call("find_unused_volumes", &json!({})).send(&endpoint)));
    well_under_way(&caller);
    served.running.signal("TERM");
    let answer = asking.join().expect("an answer");
    let report = &answer["result"]["structuredContent"];
    assert_eq!(report["findings"], everything().report("find_unused_volumes")["findings"]);
    assert_eq!(report["coverage"]["complete"], true, "{report}");
    let output = served.running.finish();
    assert_eq!(output.code, Some(0), "{output:?}");
}
