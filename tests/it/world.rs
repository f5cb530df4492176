//! Every tool finds exactly what is planted in the world, and says where, why and how much.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::{Place, adds_up, everything, findings, tool_names, world};

const COSTS: &str = "get_cost_by_service";
const RECOMMENDATIONS: &str = "get_cost_optimization_ec2";

fn found(tool: &str) -> BTreeSet<Place> {
    findings(everything().report(tool)).iter().map(Place::of).collect()
}

fn all_findings() -> impl Iterator<Item = (&'static str, &'static Value)> {
    let of = |report: &'static Value| findings(report).iter().map(|it| (report["tool"].as_str().expect("a name"), it));
    everything().reports().iter().flat_map(of)
}

#[test]
fn every_tool_finds_exactly_what_is_planted() {
    assert_eq!(everything().reports().len(), tool_names().len());
    for tool in tool_names().into_iter().filter(|it| *it != COSTS) {
        let planted = world().places("planted", tool);
        assert!(!planted.is_empty(), "nothing is planted for {tool}: tests/moto/seed.py");
        let found = found(tool);
        let missed: Vec<_> = planted.difference(&found).collect();
        let wrong: Vec<_> = found.difference(&planted).collect();
        assert!(missed.is_empty() && wrong.is_empty(), "{tool} missed {missed:#?} and wrongly found {wrong:#?}");
        let count = findings(everything().report(tool)).len();
        assert_eq!(count, planted.len(), "{tool} finds each thing once");
    }
}

#[test]
fn nothing_that_only_looks_wasteful_is_found() {
    for tool in tool_names().into_iter().filter(|it| *it != COSTS) {
        let healthy = world().places("healthy", tool);
        assert!(!healthy.is_empty(), "nothing looks like a finding of {tool}: tests/moto/seed.py");
        let wrong: Vec<_> = found(tool).intersection(&healthy).cloned().collect();
        assert!(wrong.is_empty(), "{tool}: {wrong:#?}");
    }
}

#[test]
fn every_finding_says_where_and_why() {
    for (tool, it) in all_findings() {
        let account = world().rows("accounts").iter().find(|account| account["id"] == it["account_id"]);
        let account = account.unwrap_or_else(|| panic!("{tool}: an account of the world: {it}"));
        assert_eq!(it["account_name"], account["name"], "{tool}: {it}");
        assert!(it["reason"].as_str().is_some_and(|it| !it.trim().is_empty()), "{tool}: {it}");
        assert!(it["resource_type"].as_str().is_some_and(|it| !it.is_empty()), "{tool}: {it}");
        match it["resource_arn"].as_str() {
            Some(arn) => {
                assert!(arn.starts_with("arn:aws:"), "{tool}: {it}");
                let owner = arn.split(':').nth(4).unwrap_or_default();
                assert!(owner.is_empty() || it["account_id"] == owner, "{tool}: {it}");
            }
            None => assert_eq!(tool, COSTS, "only a line of a bill has no ARN: {it}"),
        }
    }
}

#[test]
fn money_is_a_number_or_null_and_nothing_is_free_without_saying_why() {
    let mut known = 0;
    for (tool, it) in all_findings() {
        for name in ["estimated_monthly_cost", "estimated_monthly_savings"] {
            let amount = it.get(name).unwrap_or_else(|| panic!("{tool} leaves out {name}: {it}"));
            assert!(amount.is_number() || amount.is_null(), "{tool}: {name}: {it}");
            let free = amount.as_f64().is_some_and(|it| it.abs() < f64::EPSILON);
            assert!(!free || it["price_basis"].is_string(), "{tool}: {name} is 0 for no reason: {it}");
            known += usize::from(amount.is_number());
        }
        assert_eq!(it["currency"], "USD", "{tool}: {it}");
    }
    assert!(known > 20, "some amounts are known");
}

#[test]
fn unattached_volumes_save_their_list_price() {
    let volumes = findings(everything().report("find_unused_volumes"));
    let saves = |size: u64, kind: &str| {
        let of = |it: &&Value| it["attributes"]["size_gib"] == size && it["attributes"]["volume_type"] == kind;
        let it = volumes.iter().find(of).unwrap_or_else(|| panic!("a {kind} volume of {size} GiB"));
        (it["region"].as_str().expect("a region"), it["estimated_monthly_savings"].as_f64().expect("an amount"))
    };
    // us-east-1 list prices: gp2 0.10, gp3 0.08 USD a GiB-month.
    assert_eq!(saves(80, "gp2"), ("us-east-1", 8.0));
    assert_eq!(saves(1000, "gp3"), ("us-east-1", 80.0));
}

#[test]
fn totals_are_those_of_the_findings() {
    for report in everything().reports() {
        let tool = &report["tool"];
        let findings = findings(report);
        assert_eq!(report["summary"]["findings"], findings.len(), "{tool}");
        for name in ["estimated_monthly_savings", "billed_cost"] {
            let amounts: Vec<f64> = findings.iter().filter_map(|it| it[name].as_f64()).collect();
            match report["summary"][name].as_f64() {
                Some(total) => {
                    let sum: f64 = amounts.iter().sum();
                    assert!((total - sum).abs() < 1e-6, "{tool}: {name}: {total} is not {sum}");
                }
                None => assert!(amounts.is_empty(), "{tool}: {name} has amounts and no total"),
            }
        }
        let unknown = findings.iter().filter(|it| it["estimated_monthly_savings"].is_null()).count();
        assert_eq!(report["summary"]["findings_without_savings"], unknown, "{tool}");
        let accounts = report["accounts"].as_array().expect("a list");
        let of_accounts: u64 = accounts.iter().filter_map(|it| it["findings"].as_u64()).sum();
        assert_eq!(of_accounts, findings.len() as u64, "{tool}: findings by account");
        assert_eq!(report["summary"]["lower_bound"], false, "{tool}");
    }
}

#[test]
fn findings_come_largest_first_and_then_by_place() {
    for report in everything().reports() {
        let amount = |it: &Value| it["estimated_monthly_savings"].as_f64().or(it["billed_cost"].as_f64());
        for pair in findings(report).windows(2) {
            let (a, b) = (amount(&pair[0]).unwrap_or(f64::MIN), amount(&pair[1]).unwrap_or(f64::MIN));
            let in_order = a > b || (a - b).abs() < f64::EPSILON && Place::of(&pair[0]) < Place::of(&pair[1]);
            assert!(in_order, "{}: {} comes before {}", report["tool"], pair[0], pair[1]);
        }
    }
}

#[test]
fn a_scan_without_faults_is_complete_but_for_the_suspended_account() {
    let scanned = everything();
    assert_eq!(scanned.code, Some(0), "a suspended account hides nothing");
    adds_up(&scanned.json["coverage"]);
    for report in scanned.reports() {
        let coverage = &report["coverage"];
        adds_up(coverage);
        assert_eq!(coverage["complete"], true, "{}: {coverage}", report["tool"]);
        assert_eq!(coverage["accounts"], world().rows("accounts").len(), "{}", report["tool"]);
        for gap in coverage["not_scanned"].as_array().expect("a list") {
            assert_eq!(gap["class"], "account_suspended", "{}: {gap}", report["tool"]);
            assert_eq!(gap["accounts"], serde_json::json!([world().id("retired")]), "{}: {gap}", report["tool"]);
        }
    }
}

#[test]
fn costs_are_those_of_the_previous_month_by_account_and_service() {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = today.first_of_month().yesterday().expect("a day").strftime("%Y-%m").to_string();
    let mut billed: BTreeMap<(String, String), f64> = BTreeMap::new();
    let rows: Vec<_> = world().rows("costs").iter().filter(|it| it["month"] == *month).collect();
    assert!(rows.iter().any(|it| it["record_type"] == "Credit"), "a credit is in the month");
    for row in rows {
        let text = |name: &str| row[name].as_str().expect("text").to_owned();
        *billed.entry((text("account_id"), text("service"))).or_default() +=
            text("amount").parse::<f64>().expect("an amount");
    }
    let found: BTreeMap<(String, String), f64> = findings(everything().report(COSTS))
        .iter()
        .map(|it| {
            let place = Place::of(it);
            ((place.account, place.resource), it["billed_cost"].as_f64().expect("an amount"))
        })
        .collect();
    assert_eq!(billed.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (key, amount) in &billed {
        assert!((amount - found[key]).abs() < 1e-6, "{key:?}: {} is not {amount}", found[key]);
    }
}

#[test]
fn recommendations_keep_the_words_and_figures_of_aws() {
    let found = findings(everything().report(RECOMMENDATIONS));
    let recommended = world().rows("recommendations").iter().filter(|it| it["currentResourceType"] == "Ec2Instance");
    for it in recommended {
        let finding = found.iter().find(|found| found["resource_id"] == it["resourceId"]);
        let finding = finding.unwrap_or_else(|| panic!("{it} is found"));
        for (ours, theirs) in [
            ("account_id", "accountId"),
            ("region", "region"),
            ("resource_arn", "resourceArn"),
            ("action_type", "actionType"),
            ("implementation_effort", "implementationEffort"),
            ("restart_needed", "restartNeeded"),
            ("rollback_possible", "rollbackPossible"),
            ("source", "source"),
            ("estimated_monthly_savings", "estimatedMonthlySavings"),
            ("estimated_monthly_cost", "estimatedMonthlyCost"),
            ("currency", "currencyCode"),
        ] {
            assert_eq!(finding[ours], it[theirs], "{ours}: {finding}");
        }
        assert_eq!(finding["tags"]["Owner"], "team-a", "{finding}");
    }
}

#[test]
fn tags_that_the_listing_lacks_are_looked_up() {
    for tool in ["find_unused_lambda_functions", "find_unused_load_balancers"] {
        let findings = findings(everything().report(tool));
        let tagged = findings.iter().filter(|it| it["tags"]["Owner"].is_string()).count();
        assert!(tagged > 0, "{tool}: {findings:#?}");
    }
}
