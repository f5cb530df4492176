//! What is sent to AWS: each list once, nothing lost to throttling, nothing but reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    harness::{Call, everything, permitted, profile, tool_names, tools_that_need, whole_scan, world},
    talk::Session,
};

/// Questions about one resource, or about a batch of them: asked as often as there are resources.
const OF_ONE_RESOURCE: &[&str] = &[
    "cloudwatch:GetMetricData",
    "ec2:DescribeImageAttribute",
    "ec2:DescribeLaunchTemplateVersions",
    "ecr:DescribeImages",
    "ecr:GetRepositoryPolicy",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:ListServices",
    "ecs:ListTasks",
    "elbv2:DescribeTargetHealth",
    "events:ListRuleNamesByTarget",
    "events:ListRules",
    "events:ListTargetsByRule",
    "lambda:ListProvisionedConcurrencyConfigs",
    "logs:DescribeLogStreams",
    "route53:GetHostedZone",
    "s3:GetBucketLifecycleConfiguration",
    "s3:ListBucketMetricsConfigurations",
    "s3:ListMultipartUploads",
    "s3:ListObjectsV2",
    "sns:GetTopicAttributes",
    "sqs:GetQueueAttributes",
    "sqs:ListDeadLetterSourceQueues",
    "sts:AssumeRole",
    // The tags of what is reported, a hundred resources a call.
    "tag:GetResources",
];

/// The names of all calls that a whole scan makes.
fn names() -> BTreeSet<String> {
    whole_scan().1.iter().map(Call::name).collect()
}

#[test]
fn all_tools_together_ask_for_each_list_once() {
    let mut asked: BTreeMap<(&str, &str, String), usize> = BTreeMap::new();
    let is_list = |it: &&Call| !it.continued && !OF_ONE_RESOURCE.contains(&it.name().as_str());
    for call in whole_scan().1.iter().filter(is_list) {
        *asked.entry((&call.account, &call.region, call.name())).or_default() += 1;
    }
    let again: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
    assert!(again.is_empty(), "asked more than once: {again:#?}");
    // The volumes of every account in every region were asked for.
    let volumes = asked.keys().filter(|it| it.2 == "ec2:DescribeVolumes").count();
    assert_eq!(volumes, world().active().len() * world().rows("regions").len());
}

#[test]
fn each_role_is_assumed_once_and_never_in_the_callers_own_account() {
    let assumed = whole_scan().1.iter().filter(|it| it.operation == "AssumeRole").count();
    assert_eq!(assumed, world().active().len() - 1);
}

#[test]
fn only_reads_are_ever_called_and_all_of_them_are_allowed() {
    assert!(names().len() > 15, "{:?}", names());
    for call in &whole_scan().1 {
        let reads = ["Describe", "List", "Get"].iter().any(|it| call.operation.starts_with(it));
        assert!(reads || call.operation == "AssumeRole", "{call:?}");
        assert!(!call.is_refused(), "without faults nothing is refused: {call:?}");
    }
}

#[test]
fn every_call_is_counted_in_the_answer() {
    let api = &everything().json["api"];
    assert_eq!(api["calls"], whole_scan().1.len());
    let by_action = api["by_action"].as_object().expect("a table");
    let sum: u64 = by_action.values().filter_map(Value::as_u64).sum();
    assert_eq!(api["calls"], sum);
    assert_eq!(api["throttled"], 0);
}

#[test]
fn a_list_serves_the_questions_that_follow() {
    let caller = profile(json!({}));
    let mut session = Session::open(&caller, &[]);
    let first = session.call("find_unused_snapshots", &json!({}));
    let before = caller.calls();
    let again = session.call("find_unused_snapshots", &json!({}));
    assert_eq!(first["findings"], again["findings"]);
    let more = |since: usize| -> Vec<String> {
        caller.calls().iter().skip(since).filter(|it| !it.is_way_in()).map(Call::name).collect()
    };
    assert_eq!(more(before.len()), Vec::<String>::new(), "the same question again asks AWS for no list");

    let since = caller.calls().len();
    session.call("find_unused_amis", &json!({}));
    let asked: BTreeSet<String> = more(since).into_iter().collect();
    let known: BTreeSet<String> = before.iter().map(Call::name).filter(|it| !it.starts_with("sts:")).collect();
    assert!(tools_that_need("ec2:DescribeSnapshots").contains(&"find_unused_amis"));
    assert!(known.contains("ec2:DescribeSnapshots"));
    let both: Vec<_> = asked.intersection(&known).collect();
    assert!(both.is_empty(), "asked again for another tool: {both:?}");
}

/// Each operation of a whole scan, the caller's own identity left out, with a number.
fn each(times: u64) -> Value {
    let names = names().into_iter().filter(|it| it != "sts:GetCallerIdentity");
    Value::Object(names.map(|it| (it, json!(times))).collect::<Map<_, _>>())
}

#[test]
fn nothing_is_lost_where_aws_throttles_and_every_throttle_is_counted() {
    let caller = profile(json!({"throttle_first": each(1)}));
    let scanned = caller.scan(&["--quota-share", "1"]);
    assert_eq!(scanned.findings(|_| true), everything().findings(|_| true));
    assert_eq!((scanned.code, &scanned.json["coverage"]), (Some(0), &everything().json["coverage"]));
    let refused = caller.calls().iter().filter(|it| it.is_refused()).count();
    assert!(refused > 100, "{refused} calls were throttled");
    assert_eq!(scanned.json["api"]["throttled"], refused);
    assert_eq!(scanned.json["api"]["calls"], caller.calls().len());
}

#[test]
fn nothing_is_lost_where_aws_fails_at_first() {
    let caller = profile(json!({"server_error_first": each(1)}));
    let scanned = caller.scan(&["--quota-share", "1"]);
    assert_eq!(scanned.findings(|_| true), everything().findings(|_| true));
    assert_eq!((scanned.code, &scanned.json["coverage"]), (Some(0), &everything().json["coverage"]));
    assert_eq!(scanned.json["api"]["throttled"], 0);
}

#[test]
fn credentials_that_expire_midway_are_renewed_once() {
    let expired = json!({world().id("web-prod"): 4, world().id("data-dev"): 9});
    let caller = profile(json!({"expire_after": expired}));
    let scanned = caller.scan(&[]);
    assert_eq!(scanned.findings(|_| true), everything().findings(|_| true));
    assert_eq!(scanned.code, Some(0));
    let refused = caller.calls().iter().filter(|it| it.is_refused()).count();
    assert!(refused >= 2, "both accounts ran into it");
    assert_eq!(caller.calls_to("sts:AssumeRole").len(), world().active().len() - 1 + 2);
}

/// The stand-in makes its roles from the templates and permits what they do; `tests/moto/check_front.py` holds it to that.
#[test]
fn everything_runs_with_exactly_the_permissions_that_the_templates_give() {
    let (member, own) = (permitted("docs/member-policy.json"), permitted("docs/scanner-policy.json"));
    for account in world().rows("accounts").iter().map(|it| it["id"].as_str().expect("an id")) {
        let row = world().json["permitted"][account].as_array().expect("a list");
        let permitted: BTreeSet<_> = row.iter().filter_map(Value::as_str).collect();
        if account == world().id("payer") {
            let both = member.iter().chain(&own).all(|it| permitted.contains(it.as_str()));
            assert!(both, "the scanner's own role: {permitted:?}");
        } else {
            assert_eq!(permitted, member.iter().map(String::as_str).collect(), "{account}");
        }
    }
    let (scanned, calls) = whole_scan();
    assert_eq!(scanned.code, Some(0));
    let refused: Vec<_> = calls.iter().filter(|it| it.is_refused()).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn one_tool_asks_only_for_what_it_needs() {
    for tool in tool_names() {
        let caller = profile(json!({}));
        let scanned = caller.scan(&[tool]);
        assert_eq!(scanned.report(tool)["findings"], everything().report(tool)["findings"], "{tool}");
        let used: BTreeSet<String> =
            scanned.json["api"]["by_action"].as_object().expect("a table").keys().cloned().collect();
        for action in &used {
            let of_the_engine = ["sts:", "organizations:", "account:ListRegions", "tag:GetResources"];
            let of_the_engine = of_the_engine.iter().any(|it| action.starts_with(it));
            assert!(of_the_engine || tools_that_need(action).contains(&tool), "{tool} asks {action}");
        }
    }
}
