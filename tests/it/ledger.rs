//! The ledger: what could not be seen is named with its reason, and harms nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{
    Call, Scanned, adds_up, everything, findings, is_shared, profile, scratch, tool_names, tools_that_need, world,
};

const REGIONS: &str = "ap-southeast-2,eu-west-1,us-east-1";

/// The lines of a ledger by class: which accounts, which regions.
fn gaps(coverage: &Value) -> BTreeMap<String, Vec<&Value>> {
    let mut gaps: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for gap in coverage["not_scanned"].as_array().expect("a list") {
        gaps.entry(gap["class"].as_str().expect("a class").to_owned()).or_default().push(gap);
    }
    gaps
}

fn accounts(gaps: &[&Value]) -> Vec<String> {
    let all = gaps.iter().flat_map(|it| it["accounts"].as_array().expect("a list"));
    let mut all: Vec<_> = all.map(|it| it.as_str().expect("an id").to_owned()).collect();
    all.sort();
    all
}

fn every_ledger_adds_up(scanned: &Scanned) {
    adds_up(&scanned.json["coverage"]);
    scanned.reports().iter().for_each(|it| adds_up(&it["coverage"]));
}

fn organizations_calls(calls: &[Call]) -> usize {
    calls.iter().filter(|it| it.service == "organizations").count()
}

fn is_of(account: &str) -> impl Fn(&Value) -> bool {
    move |it: &Value| it["account_id"] == account
}

#[test]
fn what_is_shared_is_certain_only_when_those_who_may_use_it_were_seen() {
    const TOOL: &str = "find_unused_amis";
    let reasons = |scanned: &Scanned| -> Vec<String> {
        let findings = findings(scanned.report(TOOL)).iter().filter(|it| is_shared(it));
        let mut reasons: Vec<_> = findings.map(|it| it["reason"].as_str().expect("a reason").to_owned()).collect();
        reasons.sort_unstable();
        reasons
    };
    // Of two images that are shared with the same account, it uses one.
    let whole = reasons(&profile(json!({})).scan(&[TOOL]));
    assert_eq!(whole.len(), 1, "{whole:?}");
    assert!(whole[0].ends_with("; none of the accounts that it is shared with uses it"), "{whole:?}");
    let unseen = [
        profile(json!({})).scan(&[TOOL, "--exclude-accounts", "data-prod"]),
        profile(json!({"role_missing": [world().id("data-prod")]})).scan(&[TOOL]),
    ];
    for scanned in &unseen {
        let reasons = reasons(scanned);
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(reasons.iter().all(|it| it.contains("; not certain, as ")), "{reasons:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_named_and_the_rest_is_untouched() {
    let id = |name: &str| world().id(name);
    let (gone, strange, denied, disabled) = (id("sandbox-anna"), id("web-dev"), id("platform"), id("ml"));
    let good = profile(json!({"external_id": {"*": "right"}}));
    let bad = profile(json!({
        "external_id": {"*": "right", strange: "another"},
        "role_missing": [gone],
        "deny_regions": {denied: ["ap-southeast-2"]},
        "not_enabled": {disabled: ["ap-southeast-2"]},
    }));
    let ask = ["--regions", REGIONS, "--external-id", "right"];
    let (whole, scanned) = (good.scan(&ask), bad.scan(&ask));
    assert_eq!((whole.code, scanned.code), (Some(0), Some(2)));

    let harmed = |it: &Value| {
        let (account, region) = (it["account_id"].as_str().unwrap_or_default(), &it["region"]);
        [gone, strange].contains(&account) || [denied, disabled].contains(&account) && region == "ap-southeast-2"
    };
    assert!(!whole.findings(harmed).is_empty(), "something is hidden");
    let untouched = |it: &Value| !harmed(it) && !is_shared(it);
    assert_eq!(scanned.findings(untouched), whole.findings(untouched));

    every_ledger_adds_up(&scanned);
    let gaps = gaps(&scanned.json["coverage"]);
    let classes: Vec<_> = gaps.keys().map(String::as_str).collect();
    assert_eq!(classes, ["account_suspended", "denied_by_scp", "region_not_enabled", "role_missing"]);
    let mut without_role = [gone, strange];
    without_role.sort_unstable();
    assert_eq!(accounts(&gaps["role_missing"]), without_role);
    assert_eq!(accounts(&gaps["account_suspended"]), [id("retired")]);
    for (class, account) in [("denied_by_scp", denied), ("region_not_enabled", disabled)] {
        assert_eq!(accounts(&gaps[class]), [account], "{class}");
        assert_eq!(gaps[class][0]["regions"], json!(["ap-southeast-2"]), "{class}");
        assert_eq!(gaps[class][0]["targets"], 1, "{class}");
    }
    let role = gaps["role_missing"][0];
    assert_eq!(role["action"], "sts:AssumeRole");
    assert!(role["message"].as_str().is_some_and(|it| it.contains("external id")), "{role}");

    // Each regional tool names the same places; what it found is a lower bound.
    for report in scanned.reports().iter().filter(|it| it["coverage"]["targets"].as_u64() > Some(20)) {
        assert_eq!(report["summary"]["lower_bound"], true, "{}", report["tool"]);
        assert_eq!(report["coverage"]["complete"], false, "{}", report["tool"]);
    }
}

#[test]
fn a_region_that_is_not_enabled_is_not_called_and_hides_nothing() {
    let account = world().id("ml");
    let caller = profile(json!({"not_enabled": {account: ["ap-southeast-2"]}}));
    let scanned = caller.scan(&["find_unused_volumes"]);
    assert_eq!(scanned.code, Some(0));
    every_ledger_adds_up(&scanned);
    let there = |it: &Call| it.account == account && it.region == "ap-southeast-2";
    assert!(!caller.calls().iter().any(there), "a region that is not enabled is not called");
}

#[test]
fn a_denied_action_blinds_the_tools_that_rest_on_it_and_no_other() {
    for (action, blind) in [
        ("ec2:DescribeVolumes", vec!["find_unused_volumes"]),
        ("ec2:DescribeInstances", vec!["find_unused_amis"]),
        ("lambda:ListFunctions", vec!["find_unused_lambda_functions"]),
    ] {
        let scanned = profile(json!({"deny_actions": {"*": [action]}})).scan(&[]);
        every_ledger_adds_up(&scanned);
        assert_eq!(scanned.code, Some(2), "{action}");
        let need = tools_that_need(action);
        for tool in &blind {
            assert!(need.contains(tool), "{tool} needs {action}");
            assert!(findings(scanned.report(tool)).is_empty(), "{tool} finds something without {action}");
        }
        for tool in tool_names() {
            let (report, whole) = (scanned.report(tool), everything().report(tool));
            if need.contains(&tool) {
                let gaps = gaps(&report["coverage"]);
                let denied = gaps.get("access_denied").unwrap_or_else(|| panic!("{tool} reports no denial: {report}"));
                assert!(denied.iter().all(|it| it["action"] == action), "{tool}: {denied:?}");
                let wrong: Vec<_> = findings(report).iter().filter(|it| !findings(whole).contains(it)).collect();
                assert!(wrong.is_empty(), "{tool} finds without {action} what is not there: {wrong:#?}");
            } else {
                assert_eq!(report["findings"], whole["findings"], "{tool} does not need {action}");
                assert_eq!(report["coverage"], whole["coverage"], "{tool} does not need {action}");
            }
        }
    }
}

#[test]
fn where_regions_may_not_be_listed_ec2_is_asked_for_them() {
    let caller = profile(json!({"list_regions_denied": true}));
    let scanned = caller.scan(&[]);
    assert_eq!(scanned.findings(|_| true), everything().findings(|_| true));
    assert_eq!(scanned.code, Some(0));
    assert_eq!(caller.calls_to("ec2:DescribeRegions").len(), world().active().len());
}

#[test]
fn without_permission_to_list_accounts_the_callers_own_is_scanned_alone_and_the_rest_is_missing() {
    let own = world().id("payer");
    let scanned = profile(json!({"organizations_denied": true})).scan(&[]);
    assert_eq!(scanned.code, Some(2));
    every_ledger_adds_up(&scanned);
    let elsewhere = scanned.findings(|it| it["account_id"] != own);
    assert!(elsewhere.is_empty(), "found elsewhere: {elsewhere:#?}");
    for report in scanned.reports() {
        let note = report["notes"][0].as_str().expect("a note");
        assert!(note.contains("could not be listed") && note.contains(own), "{note}");
        assert!(gaps(&report["coverage"]).contains_key("access_denied"), "{}: {}", report["tool"], report["coverage"]);
    }
    let ours: Vec<_> = findings(scanned.report("find_unused_volumes")).iter().map(|it| &it["resource_id"]).collect();
    let planted = world().places("planted", "find_unused_volumes");
    let planted: Vec<_> = planted.into_iter().filter(|it| it.account == own).map(|it| it.resource).collect();
    assert_eq!(ours, planted.iter().collect::<Vec<_>>());
}

#[test]
fn outside_any_organization_the_callers_own_account_is_everything() {
    let own = world().id("payer");
    let scanned = profile(json!({"no_organization": true})).scan(&[]);
    assert_eq!(scanned.code, Some(0));
    every_ledger_adds_up(&scanned);
    assert!(scanned.findings(|it| it["account_id"] != own).is_empty());
    assert!(!scanned.findings(is_of(own)).is_empty());
    for report in scanned.reports() {
        let note = report["notes"][0].as_str().expect("a note");
        assert!(note.contains("in no organization") && note.contains(own), "{note}");
        assert_eq!(report["coverage"]["accounts"], 1);
    }
}

#[test]
fn a_single_account_is_scanned_without_asking_organizations() {
    let own = world().id("payer");
    let caller = profile(json!({}));
    let scanned = caller.scan(&["--single-account"]);
    assert_eq!(scanned.code, Some(0));
    let calls = caller.calls();
    assert_eq!(organizations_calls(&calls), 0);
    assert!(!calls.iter().any(|it| it.operation == "AssumeRole"), "the caller's own account needs no role");
    assert!(scanned.findings(|it| it["account_id"] != own).is_empty());
    assert_eq!(scanned.json["coverage"]["accounts"], 1);
    let ours = |it: &Scanned| -> Vec<Value> {
        findings(it.report("find_unused_volumes")).iter().filter(|it| it["account_id"] == own).cloned().collect()
    };
    let without_name = |mut it: Value| {
        it["account_name"] = Value::Null;
        it
    };
    let whole: Vec<_> = ours(everything()).into_iter().map(without_name).collect();
    assert_eq!(ours(&scanned), whole);
}

#[test]
fn a_list_of_accounts_is_scanned_without_asking_organizations() {
    let (one, other) = (world().id("web-prod"), world().id("data-prod"));
    let file = scratch("accounts");
    std::fs::write(&file, format!("# production\n{one}, web\n{other}\n")).expect("written");
    let caller = profile(json!({}));
    let scanned = caller.scan(&["--accounts-file", file.to_str().expect("a path")]);
    assert_eq!(scanned.code, Some(0));
    every_ledger_adds_up(&scanned);
    let calls = caller.calls();
    assert_eq!(organizations_calls(&calls), 0);
    let of_others: Vec<_> =
        calls.iter().filter(|it| ![one, other, world().id("payer")].contains(&&*it.account)).collect();
    assert!(of_others.is_empty(), "{of_others:?}");
    assert_eq!(scanned.json["coverage"]["accounts"], 2);
    let is_listed = |it: &Value| [one, other].contains(&it["account_id"].as_str().expect("an id"));
    assert!(scanned.findings(|it| !is_listed(it)).is_empty());
    let without_names = |found: Vec<String>| -> Vec<String> {
        let names = ["\"web\"", "\"web-prod\"", "\"data-prod\"", "null"].map(|it| format!("\"account_name\":{it}"));
        found.into_iter().map(|it| names.iter().fold(it, |it, name| it.replace(name, ""))).collect()
    };
    assert_eq!(without_names(scanned.findings(|_| true)), without_names(everything().findings(is_listed)));
    assert!(scanned.findings(|it| it["account_name"] == "web").iter().all(|it| it.contains(one)));
}
