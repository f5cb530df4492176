//! `orgscan doctor`: what does not work is told with its fix, and nothing is asked twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{
    Call, Output, Profile, Running, permitted, plain_command, profile, refused, says, tools, tools_that_need, world,
};

/// What AWS charges for.
const CHARGED: &[&str] = &["ce:GetCostAndUsage", "cloudwatch:GetMetricData"];

/// What the doctor says to a caller, as JSON.
fn examined(caller: &Profile, arguments: &[&str]) -> (Output, Value) {
    let output = caller.orgscan(&[&["doctor", "--output", "json"], arguments].concat());
    assert!(matches!(output.code, Some(0 | 2)), "it ran: {output:?}");
    let json = output.json();
    assert_eq!(output.code == Some(0), json["in_order"] == json!(true), "{json}");
    let accounts = json["accounts"].as_array().expect("accounts");
    let summary = &json["summary"];
    let counted: u64 =
        ["in_order", "to_fix", "inactive", "not_reached"].iter().filter_map(|it| summary[it].as_u64()).sum();
    assert_eq!((Some(counted), accounts.len() as u64), (summary["accounts"].as_u64(), counted), "{summary}");
    (output, json)
}

/// The troubles that somebody should do something about.
fn to_fix(json: &Value) -> Vec<&Value> {
    let troubles = json["troubles"].as_array().expect("troubles");
    troubles.iter().filter(|it| it["to_fix"] == true).collect()
}

/// The only trouble that somebody should do something about.
fn only(json: &Value) -> &Value {
    let troubles = to_fix(json);
    let [trouble] = troubles.as_slice() else { panic!("one trouble, not {troubles:#?}") };
    trouble
}

/// The accounts and regions of a trouble.
fn places<'a>(trouble: &'a Value) -> BTreeSet<(&'a str, &'a str)> {
    let places = trouble["places"].as_array().expect("places");
    let text = |it: Option<&'a str>| it.expect("text");
    places.iter().map(|it| (text(it["account_id"].as_str()), text(it["region"].as_str()))).collect()
}

/// Every action that some of the tools need.
fn actions(of: impl Fn(&Value) -> bool) -> BTreeSet<&'static str> {
    let needed = |it: &'static Value| it["actions"].as_array().expect("a list").iter().filter_map(Value::as_str);
    tools().iter().filter(|it| of(it)).flat_map(needed).collect()
}

#[test]
fn an_organization_in_order_has_nothing_to_fix_and_is_asked_everything_once_and_nothing_that_is_charged() {
    let caller = profile(json!({}));
    let (_, json) = examined(&caller, &[]);
    assert_eq!(to_fix(&json), Vec::<&Value>::new());
    assert_eq!(json["billed_usd"].as_f64(), Some(0.0));
    let asleep: Vec<_> = json["troubles"].as_array().expect("troubles").iter().map(|it| it["class"].clone()).collect();
    assert_eq!(asleep, ["account_suspended"]);
    let accounts = json["accounts"].as_array().expect("accounts");
    assert_eq!(accounts.len(), world().rows("accounts").len());
    let in_order = accounts.iter().filter(|it| it["condition"] == "in_order").count();
    assert_eq!(in_order, world().active().len());
    let current = accounts.iter().filter(|it| it["template_current"] == true).count();
    assert_eq!(current, world().active().len() - 1, "the scanner's own account has no role of the template");
    assert_eq!((&json["complete"], &json["notes"]), (&json!(true), &json!([])));

    let mut asked: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let of_scanner = ["organizations", "cloudformation", "config"];
    for call in caller.calls().iter().filter(|it| !it.is_way_in() && !of_scanner.contains(&it.service.as_str())) {
        *asked.entry((call.name(), call.account.clone(), call.region.clone())).or_default() += 1;
        assert!(call.region == "us-east-1" || call.service == "s3", "one region, but for a bucket elsewhere: {call:?}");
        assert!(!CHARGED.contains(&call.name().as_str()), "{call:?}");
    }
    let twice: Vec<_> = asked.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let not_tried: Vec<_> =
        json["not_tried"].as_array().expect("a list").iter().map(|it| (&it["action"], &it["why"])).collect();
    for action in CHARGED {
        assert!(
            not_tried.iter().any(|(it, why)| *it == action && why.as_str().is_some_and(|it| it.contains("--paid")))
        );
    }
}

/// That taking some actions away, each from an account or from all (`*`), is noticed and told with the tools it costs.
fn are_noticed(denied: &[(&str, &str)]) {
    let mut faults: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (account, action) in denied {
        faults.entry(account).or_default().push(action);
    }
    let (_, json) = examined(&profile(json!({"deny_actions": faults})), EVERYTHING);
    let troubles = to_fix(&json);
    let told: BTreeSet<_> = troubles.iter().filter_map(|it| it["action"].as_str()).collect();
    assert_eq!(told, denied.iter().map(|(_, action)| *action).collect(), "{troubles:#?}");
    for trouble in troubles {
        let action = trouble["action"].as_str().expect("an action");
        assert_eq!(trouble["class"], "access_denied", "{trouble}");
        assert!(
            trouble["places_total"].as_u64() == trouble["places"].as_array().map(|it| it.len() as u64),
            "{trouble}"
        );
        let told: BTreeSet<_> = trouble["tools"].as_array().expect("tools").iter().filter_map(Value::as_str).collect();
        assert!(tools_that_need(action).iter().all(|it| told.contains(it)), "{trouble}");
        says(trouble["fix"].as_str().expect("a fix"), &[action]);
    }
}

/// All that can be tried: in every region that things are planted in, and what is charged too.
const EVERYTHING: &[&str] = &["--paid", "--regions", "us-east-1,eu-west-1"];

#[test]
fn every_action_that_is_taken_away_is_noticed() {
    let (_, json) = examined(&profile(json!({})), EVERYTHING);
    let rows = json["not_tried"].as_array().expect("a list");
    let not_tried: BTreeSet<_> = rows.iter().filter_map(|it| it["action"].as_str()).collect();
    let nowhere: Vec<_> =
        rows.iter().filter(|it| it["accounts"] == world().active().len()).map(|it| &it["action"]).collect();
    assert_eq!(nowhere, Vec::<&Value>::new(), "each action is tried somewhere");
    let of_payer: BTreeSet<_> = actions(|it| it["scope"] == "payer");
    let policy = permitted("docs/member-policy.json");
    let everywhere = |it: &&str| !not_tried.contains(it) && !of_payer.contains(it);
    let (everywhere, somewhere): (Vec<_>, Vec<_>) = policy.iter().map(String::as_str).partition(everywhere);
    assert!(everywhere.len() > 20, "what can be listed is tried in every account: {everywhere:?}");
    // What is tried everywhere is taken away from one member each.
    let members: Vec<_> = world().active().into_iter().filter(|it| *it != world().id("payer")).collect();
    for some in everywhere.chunks(members.len()) {
        let denied: Vec<_> = members.iter().copied().zip(some.iter().copied()).collect();
        are_noticed(&denied);
    }
    // What takes a resource is taken away everywhere, of each service one at a time: one may hide the other.
    let mut rounds: Vec<Vec<(&str, &str)>> = Vec::new();
    for action in somewhere {
        let service = |action: &str| match action.split(':').next().expect("a service") {
            // What rules start and what images are used is asked of clusters.
            "events" | "ecr" => "ecs".to_owned(),
            it => it.to_owned(),
        };
        let free = |round: &&mut Vec<(&str, &str)>| round.iter().all(|(_, it)| service(it) != service(action));
        match rounds.iter_mut().find(free) {
            Some(round) => round.push(("*", action)),
            None => rounds.push(vec![("*", action)]),
        }
    }
    for round in rounds {
        are_noticed(&round);
    }
}

#[test]
fn what_the_scanner_may_not_ask_is_noticed_action_by_action() {
    // Who asks for its own identity needs no permission, and who may not assume a role cannot be told from one without it.
    // CloudFormation alone asks for delegated administrators, and of a delegated administrator alone.
    let unasked = |it: &str| it.starts_with("sts:") || it == "organizations:ListDelegatedAdministrators";
    let scanner = permitted("docs/scanner-policy.json").into_iter().filter(|it| !unasked(it));
    let payer = world().id("payer");
    for action in scanner {
        let (_, json) = examined(&profile(json!({"deny_actions": {payer: [action]}})), &["find_unused_volumes"]);
        if action == AGGREGATORS {
            let trouble = aggregator(&json).expect("it is told");
            assert_eq!((&trouble["class"], &trouble["to_fix"]), (&json!("access_denied"), &json!(false)));
            continue;
        }
        let trouble = only(&json);
        assert_eq!((&trouble["class"], &trouble["action"]), (&json!("access_denied"), &json!(action)));
        says(trouble["fix"].as_str().expect("a fix"), &["scanner-policy.json"]);
    }
}

#[test]
fn the_stack_set_says_why_an_account_cannot_be_entered() {
    let id = |name| world().id(name);
    let stacks = json!({
        id("ml"): null,
        id("web-dev"): ["OUTDATED", "FAILED", "the role\nexists already"],
        id("data-dev"): ["OUTDATED", "RUNNING", null],
    });
    let shut = ["ml", "web-dev", "data-dev", "platform"].map(id);
    let (_, json) = examined(&profile(json!({"role_missing": shut, "stack_set": stacks})), &["find_unused_volumes"]);
    for (account, words) in [
        ("ml", vec!["no stack there", "Targets"]),
        ("web-dev", vec!["failed (the role exists already)", "deploy cloudformation/organization.yaml again"]),
        ("data-dev", vec!["some minutes"]),
        ("platform", vec!["the role is there", "--external-id"]),
    ] {
        let troubles = to_fix(&json);
        let of: Vec<_> = troubles.iter().filter(|it| places(it).contains(&(id(account), "global"))).collect();
        let [trouble] = of.as_slice() else { panic!("said once for {account}, not {of:#?}") };
        assert_eq!(places(trouble).len(), 1, "{trouble}");
        says(trouble["fix"].as_str().expect("a fix"), &words);
    }
}

#[test]
fn without_a_stack_set_all_three_fixes_are_told_and_a_note_says_so() {
    let caller = profile(json!({"role_missing": [world().id("ml")]}));
    let (_, json) = examined(&caller, &["find_unused_volumes", "--stack-set", "another"]);
    says(&json["notes"].to_string(), &["StackSet another could not be read in us-east-1", "--stack-set"]);
    says(only(&json)["fix"].as_str().expect("a fix"), &["one of three", "member-role.yaml"]);
    let line = refused(&caller.orgscan(&["doctor", "--stack-set-region", "nowhere"]));
    says(&line, &["nowhere", "--stack-set-region"]);
}

#[test]
fn a_role_of_another_version_of_its_template_is_told_and_nothing_to_fix_by_itself() {
    let ml = world().id("ml");
    let (output, json) =
        examined(&profile(json!({"template_version": {ml: "0123456789abcdef"}})), &["find_unused_volumes"]);
    assert_eq!(output.code, Some(0), "{json}");
    let troubles = json["troubles"].as_array().expect("troubles");
    let trouble = troubles.iter().find(|it| it["class"] == "template_old").expect("it is told");
    assert_eq!((places(trouble), &trouble["to_fix"]), ([(ml, "global")].into(), &json!(false)));
    says(trouble["fix"].as_str().expect("a fix"), &["member-role.yaml", "TemplateURL"]);
    let accounts = json["accounts"].as_array().expect("accounts");
    let of =
        |account: &str| &accounts.iter().find(|it| it["account_id"] == account).expect("listed")["template_current"];
    assert_eq!((of(ml), of(world().id("web-dev"))), (&json!(false), &json!(true)));
    let (_, json) = examined(&profile(json!({"template_version": {ml: null}})), &["find_unused_volumes"]);
    let old = json["troubles"].as_array().expect("troubles").iter().filter(|it| it["class"] == "template_old").count();
    assert_eq!(old, 0, "a role without the tag was made by other means");
}

#[test]
fn a_trial_that_is_cut_tells_what_it_has_seen_and_what_not() {
    let caller = profile(json!({"hang": ["ec2:DescribeVolumes"], "deny_actions": {"*": ["organizations:ListRoots"]}}));
    let output = caller.orgscan(&["doctor", "find_unused_volumes", "--deadline", "3", "--output", "json"]);
    let json = output.json();
    assert_eq!((output.code, &json["complete"], &json["in_order"]), (Some(2), &json!(false), &json!(false)));
    assert_eq!(json["summary"]["not_reached"], json!(world().active().len()), "{}", json["summary"]);
    says(&json["notes"].to_string(), &["that were not tried", "the deadline came"]);
    assert_eq!(only(&json)["action"], "organizations:ListRoots");

    let caller = profile(json!({"hang": ["ec2:DescribeVolumes"]}));
    let running = Running::start(caller.command(&["doctor", "find_unused_volumes", "--output", "json"]));
    caller.wait_until("volumes are asked for", |calls| calls.iter().any(|it| it.name() == "ec2:DescribeVolumes"));
    let moment = running.signal("INT");
    let output = running.finish();
    let json = output.json();
    assert_eq!(
        (output.code, &json["in_order"]),
        (Some(2), &Value::Null),
        "nothing is said to be in order that was not seen"
    );
    says(&json["notes"].to_string(), &["that were not tried", "cancelled"]);
    caller.falls_silent_after(moment);
}

#[test]
fn an_account_that_cannot_be_entered_is_told_with_the_three_fixes() {
    let ml = world().id("ml");
    for faults in [json!({"role_missing": [ml]}), json!({"external_id": {ml: "agreed-upon"}})] {
        let (_, json) = examined(&profile(faults), &["--stack-set", "none"]);
        let trouble = only(&json);
        assert_eq!((&trouble["class"], &trouble["action"]), (&json!("role_missing"), &Value::Null));
        assert_eq!(places(trouble), [(ml, "global")].into());
        says(
            trouble["fix"].as_str().expect("a fix"),
            &["member-role.yaml", "OrgscanReadOnly", "trust", "--external-id"],
        );
        says(trouble["message"].as_str().expect("words"), &["AssumeRole"]);
    }
    let (output, _) =
        examined(&profile(json!({"external_id": {ml: "agreed-upon"}})), &["--external-id", "agreed-upon"]);
    assert_eq!(output.code, Some(0), "with the external id it is entered: {output:?}");
}

#[test]
fn what_the_role_of_one_account_lacks_is_told_for_that_account() {
    let (data, action) = (world().id("data-prod"), "ec2:DescribeVolumes");
    let (_, json) = examined(&profile(json!({"deny_actions": {data: [action]}})), &[]);
    let trouble = only(&json);
    assert_eq!((&trouble["class"], &trouble["action"]), (&json!("access_denied"), &json!(action)));
    assert_eq!(places(trouble), [(data, "us-east-1")].into());
    says(trouble["costs"].as_str().expect("words"), &["find_unused_volumes"]);
}

#[test]
fn a_region_that_a_policy_denies_is_told_once_and_the_other_is_tried() {
    let web = world().id("web-prod");
    let caller = profile(json!({"deny_regions": {web: ["eu-west-1"]}}));
    let (_, json) = examined(&caller, &["--regions", "eu-west-1,us-east-1"]);
    let troubles = to_fix(&json);
    assert!(troubles.iter().all(|it| it["class"] == "denied_by_scp"), "{troubles:#?}");
    let whole: Vec<_> = troubles.iter().filter(|it| places(it).contains(&(web, "eu-west-1"))).collect();
    let [trouble] = whole.as_slice() else { panic!("said once, not {whole:#?}") };
    assert_eq!((&trouble["action"], places(trouble)), (&Value::Null, [(web, "eu-west-1")].into()));
    says(trouble["fix"].as_str().expect("a fix"), &["service control policy", "OrgscanReadOnly", "--regions"]);
    let regions: BTreeSet<String> =
        caller.calls_to("ec2:DescribeVolumes").into_iter().filter(|it| it.account == web).map(|it| it.region).collect();
    assert_eq!(regions, ["eu-west-1", "us-east-1"].map(str::to_owned).into());
}

#[test]
fn a_region_that_is_not_enabled_is_told_and_nothing_to_fix() {
    let web = world().id("web-prod");
    let (output, json) = examined(&profile(json!({"not_enabled": {web: ["eu-west-1"]}})), &["--regions", "eu-west-1"]);
    assert_eq!(output.code, Some(0), "{json}");
    let troubles = json["troubles"].as_array().expect("troubles");
    let trouble = troubles.iter().find(|it| it["class"] == "region_not_enabled").expect("it is told");
    assert_eq!(places(trouble), [(web, "eu-west-1")].into());
}

#[test]
fn what_the_scanner_may_not_ask_is_told_with_the_way_out() {
    let (_, json) = examined(&profile(json!({"organizations_denied": true})), &[]);
    let trouble = only(&json);
    assert_eq!(trouble["action"], "organizations:DescribeOrganization");
    says(trouble["fix"].as_str().expect("a fix"), &["scanner-policy.json", "delegated administrator"]);
    says(trouble["costs"].as_str().expect("words"), &["every account but"]);
    let (_, json) = examined(&profile(json!({"deny_actions": {"*": ["organizations:ListRoots"]}})), &[]);
    assert_eq!(
        (only(&json)["costs"].as_str(), json["accounts"].as_array().map(Vec::len)),
        (Some("choosing accounts by ou:"), Some(world().rows("accounts").len()))
    );
    let (output, json) = examined(&profile(json!({"no_organization": true})), &[]);
    assert_eq!(output.code, Some(0), "{json}");
    says(&json["notes"].to_string(), &["in no organization"]);
    assert!(!json["notes"].to_string().contains("StackSet"), "without an organization there is none");
    let (_, json) = examined(&profile(json!({"no_organization": true, "coh_not_enrolled": true})), &[]);
    assert_eq!(only(&json)["class"], "not_enrolled", "an account by itself is its own payer");
}

#[test]
fn a_service_that_is_off_is_told_with_how_to_turn_it_on() {
    let (_, json) = examined(&profile(json!({"coh_not_enrolled": true})), &[]);
    let trouble = only(&json);
    assert_eq!(trouble["class"], "not_enrolled", "{trouble}");
    assert_eq!(trouble["tools"], json!(["get_cost_optimization_ec2"]));
    says(trouble["message"].as_str().expect("words"), &["Cost Optimization Hub"]);
    says(trouble["fix"].as_str().expect("a fix"), &["update-enrollment-status --status Active"]);
    let (_, json) = examined(&profile(json!({"compute_optimizer_off": true})), &[]);
    for trouble in to_fix(&json) {
        assert_eq!(trouble["action"], "compute-optimizer:GetEnrollmentStatus", "{trouble}");
        says(trouble["fix"].as_str().expect("a fix"), &["aws compute-optimizer update-enrollment-status"]);
    }
    assert_eq!(json["in_order"], false);
}

/// What is asked of AWS Config.
const AGGREGATORS: &str = "config:DescribeConfigurationAggregators";

/// What is said of AWS Config.
fn aggregator(json: &Value) -> Option<&Value> {
    json["troubles"].as_array().expect("troubles").iter().find(|it| it["action"] == AGGREGATORS)
}

#[test]
fn that_aws_config_aggregates_nothing_is_told_and_nothing_to_fix_as_no_tool_reads_it() {
    let caller = profile(json!({}));
    let mut command = caller.command(&["doctor", "find_unused_volumes", "--output", "json"]);
    command.env("AWS_REGION", "eu-west-1");
    let output = Running::start(command).finish();
    assert_eq!(output.code, Some(0), "{output:?}");
    let json = output.json();
    let trouble = aggregator(&json).expect("there is none in this region");
    assert_eq!((&trouble["class"], &trouble["to_fix"]), (&json!("not_enrolled"), &json!(false)));
    assert_eq!(places(trouble), [(world().id("payer"), "scanner")].into());
    says(trouble["message"].as_str().expect("words"), &["eu-west-1", world().id("payer")]);
    says(trouble["fix"].as_str().expect("a fix"), &["put-configuration-aggregator"]);
    says(trouble["costs"].as_str().expect("words"), &["nothing"]);
    let (_, json) = examined(&profile(json!({"no_organization": true})), &["find_unused_volumes"]);
    assert_eq!(aggregator(&json), None, "an account by itself has nothing to aggregate");
}

#[test]
fn only_the_tools_named_and_the_accounts_chosen_are_tried() {
    let caller = profile(json!({}));
    let web = world().id("web-prod");
    let (_, json) = examined(&caller, &["find_unused_volumes", "--accounts", "web-prod"]);
    assert_eq!(json["accounts"].as_array().map(Vec::len), Some(1));
    let asked: BTreeSet<_> = caller.calls().iter().filter(|it| it.account == web).map(Call::name).collect();
    let expected =
        ["account:ListRegions", "ec2:DescribeRegions", "ec2:DescribeVolumes", "iam:ListRoleTags", "tag:GetResources"];
    assert_eq!(asked, expected.map(str::to_owned).into());
    says(&refused(&caller.orgscan(&["doctor", "--accounts", "nothing-*"])), &["nothing-*", "web-prod"]);
    says(&refused(&caller.orgscan(&["doctor", "cleaning"])), &["cleaning", "cleanup"]);
    says(&refused(&Running::start(plain_command(&["doctor"])).finish()), &["credentials"]);
}

#[test]
fn every_format_tells_the_trouble_and_its_fix() {
    let caller = profile(json!({"role_missing": [world().id("ml")]}));
    for format in ["table", "markdown", "csv", "ndjson", "summary"] {
        let output = caller.orgscan(&["doctor", "find_unused_volumes", "--output", format]);
        assert_eq!(output.code, Some(2), "{output:?}");
        says(&output.stdout, &["role_missing", world().id("ml"), "organization.yaml", "account_suspended"]);
    }
    let table = caller.orgscan(&["doctor"]).stdout;
    says(
        &table,
        &[
            "There is something to fix",
            "not tried, as AWS charges for it and --paid was not given",
            "cloudwatch:GetMetricData",
            "1 that do not run",
        ],
    );
}
