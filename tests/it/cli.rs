//! The command line: what cannot be meant is one clear line, and every format holds the whole answer.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    harness::{
        Call, Output, Running, everything, findings, is_shared, plain_command, profile, refused, repository, rows,
        says, scratch, tool_names, tools_that_need, world,
    },
    wire::free_port,
};

/// That a command is refused before anything is called; returns the line.
fn refused_unasked(arguments: &[&str]) -> String {
    let caller = profile(json!({}));
    let line = refused(&caller.orgscan(arguments));
    let calls: Vec<_> = caller.calls().iter().map(Call::name).collect();
    assert!(calls.is_empty(), "{arguments:?} called {calls:?}");
    line
}

#[test]
fn where_units_may_not_be_read_no_account_is_lost_and_none_is_guessed() {
    let caller = profile(json!({"deny_actions": {"*": ["organizations:ListRoots"]}}));
    let line = refused(&caller.orgscan(&["scan", "find_unused_volumes", "--accounts", "ou:Workloads"]));
    says(&line, &["cannot list the accounts", "organizations:ListRoots"]);
    let listed = caller.orgscan(&["accounts", "--no-probe", "--output", "json"]).json();
    let planned = caller.orgscan(&["scan", "find_unused_volumes", "--dry-run", "--output", "json"]).json();
    let accounts = world().json["accounts"].as_array().expect("accounts").len();
    assert_eq!(listed["accounts"].as_array().expect("accounts").len(), accounts);
    assert_eq!(planned["accounts"], accounts);
    says(&listed["notes"].to_string(), &["organizations:ListRoots"]);
    let chosen = profile(json!({})).orgscan(&["scan", "--dry-run", "-o", "json", "--accounts", "tag:no=such"]);
    says(&refused(&chosen), &["no account matches 'tag:no=such'", "web-prod"]);
}

#[test]
fn a_port_in_use_is_refused_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let line = refused_unasked(&["serve", "--host", "127.0.0.1", "--port", &port, "--log", "off"]);
    says(&line, &["cannot listen on 127.0.0.1:", &port, "--port"]);
}

#[test]
fn an_unknown_tool_category_or_region_is_refused_with_the_known_ones() {
    says(&refused_unasked(&["scan", "find_unused_volume"]), &["find_unused_volume'", "find_unused_volumes", "cleanup"]);
    says(&refused_unasked(&["scan", "cleaning"]), &["'cleaning'", "cleanup"]);
    says(&refused_unasked(&["tools", "cleaning"]), &["'cleaning'", "cleanup"]);
    says(&refused_unasked(&["policy", "cleaning"]), &["'cleaning'", "cleanup"]);
    says(&refused_unasked(&["scan", "--regions", "eu-west-9"]), &["'eu-west-9'", "eu-west-1"]);
    says(&refused_unasked(&["serve", "--categories", "cleaning"]), &["'cleaning'", "cleanup"]);
    says(&refused_unasked(&["stdio", "--tools", "find_everything"]), &["'find_everything'", "find_unused_volumes"]);
}

#[test]
fn an_account_that_is_not_in_the_organization_is_refused_with_those_that_are() {
    let caller = profile(json!({}));
    for unknown in ["999999999999", "nothing-*", "ou:Nowhere"] {
        let line = refused(&caller.orgscan(&["scan", "find_unused_volumes", "--accounts", unknown]));
        says(&line, &[unknown, "web-prod", world().id("web-prod")]);
        let line = refused(&caller.orgscan(&["scan", "find_unused_volumes", "--exclude-accounts", unknown]));
        says(&line, &[unknown]);
    }
    let entered = caller.calls().iter().any(|it| it.operation == "AssumeRole");
    assert!(!entered, "no account is entered before the choice is known to be right");
    says(&refused_unasked(&["scan", "--accounts", "1234"]), &["'1234'", "12 digits"]);
}

#[test]
fn a_file_of_accounts_that_cannot_be_read_is_refused_with_its_line() {
    says(&refused_unasked(&["scan", "--accounts-file", "/nowhere/accounts"]), &["/nowhere/accounts"]);
    let file = scratch("accounts");
    std::fs::write(&file, "# ours\n111122223333, web\n11112222333\n").expect("written");
    let path = file.to_str().expect("a path");
    says(&refused_unasked(&["scan", "--accounts-file", path]), &[path, "line 3", "'11112222333'"]);
    says(&refused_unasked(&["scan", "--accounts-file", path, "--single-account"]), &["--single-account"]);
}

#[test]
fn a_parameter_that_cannot_be_meant_is_refused() {
    says(&refused_unasked(&["scan", "-p", "lookback=30"]), &["'lookback'", "lookback_days"]);
    says(&refused_unasked(&["scan", "-p", "regions=us-east-1"]), &["'regions'", "lookback_days"]);
    says(&refused_unasked(&["scan", "-p", "max_results=1"]), &["'max_results'"]);
    says(&refused_unasked(&["scan", "-p", "lookback_days"]), &["lookback_days", "NAME=VALUE"]);
    says(&refused_unasked(&["scan", "find_unused_lambda_functions", "-p", "lookback_days=0"]), &["lookback_days", "1"]);
    says(&refused_unasked(&["scan", "find_unused_lambda_functions", "-p", "lookback_days=99999"]), &["lookback_days"]);
    says(
        &refused_unasked(&["scan", "find_unused_lambda_functions", "-p", "lookback_days=many"]),
        &["lookback_days", "many"],
    );
}

#[test]
fn credentials_are_never_parameters() {
    for name in ["access_key", "secret_access_key", "session_token", "profile_name", "role_arn"] {
        let line = refused_unasked(&["scan", "find_unused_volumes", "-p", &format!("{name}=AKIASECRET")]);
        says(&line, &[name, "credentials are never parameters"]);
        assert!(!line.contains("AKIASECRET"), "a secret is not repeated: {line}");
    }
}

#[test]
fn a_wrong_flag_is_one_line() {
    says(&refused_unasked(&["scan", "--quota-share", "2"]), &["--quota-share", "between 0.01 and 1"]);
    says(&refused_unasked(&["scan", "--quota-share", "half"]), &["--quota-share"]);
    says(&refused_unasked(&["scan", "--concurrency", "0"]), &["--concurrency"]);
    says(&refused_unasked(&["scan", "--deadline", "0"]), &["--deadline"]);
    says(&refused_unasked(&["scan", "--output", "xml"]), &["xml", "ndjson"]);
    says(&refused_unasked(&["scan", "--no-such-flag"]), &["--no-such-flag"]);
    says(&refused_unasked(&["frobnicate"]), &["frobnicate"]);
    says(&refused_unasked(&[]), &["demo", "scan", "doctor", "stdio", "--help"]);
    says(&refused_unasked(&["serve", "--require-auth"]), &["ORGSCAN_BEARER_TOKEN"]);
}

#[test]
fn a_charge_over_the_cap_is_refused_before_anything_is_called() {
    let line = refused_unasked(&["scan", "get_cost_by_service", "--max-charge", "0"]);
    says(&line, &["get_cost_by_service", "0.01 USD", "--max-charge"]);
    says(&refused_unasked(&["scan", "--max-charge", "-1"]), &["--max-charge"]);
}

#[test]
fn without_credentials_one_line_says_how_to_give_them() {
    let mut command = plain_command(&["scan", "find_unused_volumes"]);
    command.env("AWS_ENDPOINT_URL", &world().endpoint).env("AWS_REGION", "us-east-1");
    let output = Running::start(command).finish();
    says(&refused(&output), &["credentials", "AWS_PROFILE"]);
    assert!(output.took < Duration::from_secs(10), "{:?}", output.took);
}

#[test]
fn an_endpoint_where_nothing_listens_is_one_line_within_seconds() {
    let caller = profile(json!({}));
    let mut command = caller.command(&["scan", "find_unused_volumes"]);
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", free_port()));
    let output = Running::start(command).finish();
    refused(&output);
    assert!(output.took < Duration::from_secs(10), "{:?}", output.took);
}

/// The answer in a format.
fn printed(format: &str) -> Output {
    let output = profile(json!({})).orgscan(&["scan", "--output", format, "--max-results", "0"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    output
}

fn all_findings() -> Vec<&'static Value> {
    everything().reports().iter().flat_map(findings).collect()
}

fn resources() -> BTreeSet<&'static str> {
    all_findings().iter().filter_map(|it| it["resource_id"].as_str()).collect()
}

/// The names and amounts of the rows of a table of the summary.
fn amounts<'a>(summary: &'a str, title: &str) -> Vec<(&'a str, Option<f64>)> {
    let table = summary.split("\n\n").find(|it| it.lines().nth(1).is_some_and(|it| it.contains(title)));
    let all = rows(table.unwrap_or_else(|| panic!("no table {title} in {summary}")));
    all.skip(1).map(|it| (it[0], it[2].parse().ok())).collect()
}

#[test]
fn a_sum_over_tools_counts_nothing_twice() {
    let (volumes, instances) = ("find_volumes_of_stopped_instances", "find_unused_ec2_instances");
    let summary = profile(json!({})).orgscan(&["scan", "--output", "summary"]).stdout;
    let total = |summary: &str| summary.split(' ').next().and_then(|it| it.parse::<f64>().ok()).expect("an amount");
    let of_tools: f64 = amounts(&summary, "tool").iter().filter(|(it, _)| *it != volumes).filter_map(|it| it.1).sum();
    let is_total = |it: f64| assert!((it - total(&summary)).abs() < 0.2, "{it}, rounded row by row: {summary}");
    is_total(of_tools);
    is_total(amounts(&summary, "account").iter().filter_map(|it| it.1).sum());
    is_total(amounts(&summary, "region").iter().filter_map(|it| it.1).sum());
    let apart = format!(
        "Savings of {volumes} are not added: {instances} counts the same. The sum is too low by what {volumes} alone reports."
    );
    says(&summary, &[&apart]);
    let of_volumes = amounts(&summary, "tool").iter().find(|it| it.0 == volumes).and_then(|it| it.1).expect("it saves");
    assert!(of_volumes > 1.0, "something would have been counted twice: {summary}");
    let alone = profile(json!({})).orgscan(&["scan", volumes, "--output", "summary"]).stdout;
    assert!((total(&alone) - of_volumes).abs() < 0.01 && !alone.contains("not added"), "{alone}");
}

#[test]
fn json_lines_hold_one_finding_each_and_the_ledger_stands_beside() {
    let output = printed("ndjson");
    let lines: Vec<Value> = output.stdout.lines().map(|it| serde_json::from_str(it).expect("a line is JSON")).collect();
    let expected: Vec<Value> = everything()
        .reports()
        .iter()
        .flat_map(|report| findings(report).iter().map(|it| (report["tool"].clone(), it.clone())))
        .map(|(tool, mut it)| {
            it["tool"] = tool;
            it
        })
        .collect();
    assert_eq!(lines, expected);
    says(&output.stderr, &["Coverage complete", "account_suspended"]);
}

#[test]
fn csv_holds_one_finding_a_row() {
    let output = printed("csv");
    let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
    let heads = reader.headers().expect("heads").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|it| it.expect("a row")).collect();
    assert_eq!(rows.len(), all_findings().len());
    let column = |name: &str| heads.iter().position(|it| it == name).unwrap_or_else(|| panic!("a column {name}"));
    for (row, it) in rows.iter().zip(all_findings()) {
        for name in ["account_id", "region", "resource_id", "reason"] {
            assert_eq!(row[column(name)], *it[name].as_str().expect("text"), "{name}");
        }
        let amount = &row[column("estimated_monthly_savings")];
        assert_eq!(amount.parse::<f64>().ok(), it["estimated_monthly_savings"].as_f64(), "{it}");
    }
}

#[test]
fn tables_and_markdown_name_every_resource() {
    for format in ["table", "markdown"] {
        let output = printed(format);
        for resource in resources() {
            assert!(output.stdout.contains(resource), "{format} leaves out {resource}");
        }
        for tool in tool_names() {
            assert!(output.stdout.contains(tool), "{format} leaves out {tool}");
        }
        says(&output.stdout, &["account_suspended", world().id("retired")]);
    }
}

#[test]
fn fewer_findings_than_there_are_keep_the_totals_of_all() {
    let scanned = profile(json!({})).scan(&["find_unused_volumes", "--max-results", "2"]);
    let (report, whole) = (scanned.report("find_unused_volumes"), everything().report("find_unused_volumes"));
    assert_eq!(findings(report), &findings(whole)[..2]);
    assert_eq!(report["summary"], whole["summary"]);
}

/// What a command says on stderr whose reader goes away before the first byte, and which is no failure for that.
fn says_to_nobody(arguments: &[&str]) -> String {
    let mut orgscan = profile(json!({})).command(arguments);
    let mut child = orgscan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    said
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    for arguments in [vec!["tools", "--output", "markdown"], vec!["scan", "--output", "json"], vec!["policy"]] {
        assert_eq!(says_to_nobody(&arguments), "", "{arguments:?}");
    }
    for format in ["table", "markdown"] {
        assert_eq!(says_to_nobody(&["scan", "find_unused_volumes", "--output", format]), "", "{format}");
    }
    for format in ["csv", "ndjson"] {
        let said = says_to_nobody(&["scan", "find_unused_volumes", "--output", format]);
        assert!(said.starts_with("Coverage complete"), "{format}: {said}");
    }
}

#[test]
fn the_chosen_accounts_and_regions_alone_are_looked_at() {
    let chosen = ["web-prod", "web-dev"].map(|it| world().id(it));
    for accounts in ["web-*", "ou:Workloads,web-prod", &chosen.join(",")] {
        let exclude = if accounts.contains("ou:") { "data-*,platform,ml" } else { "sandbox-*" };
        let caller = profile(json!({}));
        let scanned = caller.scan(&["--accounts", accounts, "--exclude-accounts", exclude, "--regions", "eu-west-1"]);
        assert_eq!(scanned.code, Some(0), "{accounts}");
        let is_chosen = |it: &Value| {
            chosen.contains(&it["account_id"].as_str().expect("an id"))
                && ["eu-west-1", "global"].contains(&it["region"].as_str().expect("a region"))
        };
        let of_region = |it: &Value| ["eu-west-1", "global"].contains(&it["region"].as_str().expect("a region"));
        let own = |it: &Value| !is_shared(it);
        let (here, whole) = (|it: &Value| of_region(it) && own(it), |it: &Value| is_chosen(it) && own(it));
        assert_eq!(scanned.findings(here), everything().findings(whole), "{accounts}");
        let elsewhere: Vec<_> =
            caller.calls().into_iter().filter(|it| it.service == "ec2" && it.region != "eu-west-1").collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
    }
}

#[test]
fn a_dry_run_asks_organizations_and_nobody_else() {
    let caller = profile(json!({}));
    let output = caller.orgscan(&["scan", "--dry-run", "--output", "json"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    let preview = output.json();
    assert_eq!(preview["tools"], json!(tool_names()));
    assert_eq!(preview["accounts"], world().rows("accounts").len());
    assert!(preview["least_calls"].as_u64() > Some(100), "{preview}");
    let calls = caller.calls();
    assert!(!calls.is_empty());
    let others: Vec<_> = calls.iter().filter(|it| it.service != "organizations").map(Call::name).collect();
    assert!(others.is_empty(), "{others:?}");
    let words = caller.orgscan(&["scan", "--dry-run", "find_unused_volumes"]);
    says(&words.stdout, &["1 tool in", "charged by AWS: nothing"]);
}

#[test]
fn the_accounts_are_listed_with_their_state_and_why_they_cannot_be_reached() {
    let caller = profile(json!({"role_missing": [world().id("ml")]}));
    let output = caller.orgscan(&["accounts", "--output", "json"]);
    assert_eq!(output.code, Some(2), "an account cannot be reached: {output:?}");
    let listed = output.json();
    let listed = listed["accounts"].as_array().expect("a list");
    assert_eq!(listed.len(), world().rows("accounts").len());
    for account in world().rows("accounts") {
        let it = listed.iter().find(|it| it["account_id"] == account["id"]).expect("listed");
        assert_eq!((&it["account_name"], &it["state"]), (&account["name"], &account["state"]));
        assert_eq!(it["organizational_unit"], account["ou_path"], "{it}");
        let reachable = match account["name"].as_str().expect("a name") {
            "ml" => json!(false),
            "retired" => json!(null),
            _ => json!(true),
        };
        assert_eq!(it["reachable"], reachable, "{it}");
        assert_eq!(it["problem"].as_str().is_some_and(|it| it.starts_with("role_missing")), reachable == false, "{it}");
    }
    let calls = profile(json!({}));
    assert_eq!(calls.orgscan(&["accounts", "--no-probe"]).code, Some(0));
    assert_eq!(calls.calls_to("sts:AssumeRole").len(), 0);
}

#[test]
fn the_policy_reads_only_and_shrinks_with_the_tools() {
    let actions = |arguments: &[&str]| -> BTreeSet<String> {
        let output = Running::start(plain_command(&[&["policy"], arguments].concat())).finish();
        assert_eq!(output.code, Some(0), "{output:?}");
        let policy = output.json();
        assert_eq!(policy["Statement"][0]["Effect"], "Allow");
        serde_json::from_value(policy["Statement"][0]["Action"].clone()).expect("a list of actions")
    };
    let all = actions(&[]);
    for action in &all {
        let name = action.split(':').nth(1).expect("a prefix and a name");
        assert!(["Describe", "List", "Get"].iter().any(|it| name.starts_with(it)), "{action} does not read");
    }
    let one = actions(&["find_unused_volumes"]);
    assert!(one.contains("ec2:DescribeVolumes") && one.is_subset(&all) && one.len() < all.len(), "{one:?}");
    for tool in tool_names() {
        let own = actions(&[tool]);
        let needed: BTreeSet<_> = all.iter().filter(|it| tools_that_need(it).contains(&tool)).cloned().collect();
        assert!(needed.is_subset(&own), "{tool}: {own:?} lacks some of {needed:?}");
    }
}

#[test]
fn the_catalogue_is_the_same_in_every_format() {
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let output = Running::start(plain_command(&["tools", "--output", format])).finish();
        assert_eq!(output.code, Some(0), "{output:?}");
        for tool in tool_names() {
            assert!(output.stdout.contains(tool), "{format} leaves out {tool}");
        }
    }
    let one = Running::start(plain_command(&["tools", "cost", "--output", "json"])).finish().json();
    assert!(one.as_array().is_some_and(|it| !it.is_empty() && it.iter().all(|it| it["category"] == "cost")), "{one}");
}

#[test]
fn help_names_the_flags_and_the_variables_of_the_environment() {
    for (command, names) in [
        (vec!["--help"], vec!["scan", "accounts", "doctor", "tools", "policy", "serve", "stdio", "ORGSCAN_LOG"]),
        (
            vec!["doctor", "--help"],
            vec!["--paid", "ORGSCAN_PAID", "ORGSCAN_REGIONS", "ORGSCAN_STACK_SET", "ORGSCAN_DEADLINE", "Exit code"],
        ),
        (
            vec!["policy", "--help"],
            vec!["--format", "ORGSCAN_POLICY_FORMAT", "--parts", "--explain", "--diff", "--diff-role"],
        ),
        (
            vec!["scan", "--help"],
            vec!["--accounts", "ORGSCAN_ACCOUNTS", "ORGSCAN_ROLE_NAME", "ORGSCAN_QUOTA_SHARE", "ORGSCAN_MAX_CHARGE"],
        ),
        (
            vec!["serve", "--help"],
            vec![
                "MCP_SERVER_HOST",
                "MCP_SERVER_PORT",
                "MCP_TOOL_CATEGORIES",
                "MCP_REQUIRE_AUTH",
                "ORGSCAN_BEARER_TOKEN",
            ],
        ),
        (vec!["stdio", "--help"], vec!["MCP_TOOL_CATEGORIES", "ORGSCAN_TOOLS", "ORGSCAN_EXTERNAL_ID"]),
        (vec!["accounts", "--help"], vec!["--no-probe", "ORGSCAN_OUTPUT"]),
        (vec!["--version"], vec![env!("CARGO_PKG_VERSION")]),
    ] {
        let output = Running::start(plain_command(&command)).finish();
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{command:?}");
        says(&output.stdout, &names);
    }
}

#[test]
fn flags_may_be_given_by_the_environment() {
    let caller = profile(json!({}));
    let mut command = caller.command(&["scan", "find_unused_volumes"]);
    command.env("ORGSCAN_OUTPUT", "json").env("ORGSCAN_ACCOUNTS", "web-dev").env("ORGSCAN_REGIONS", "us-east-1");
    let output = Running::start(command).finish();
    assert_eq!(output.code, Some(0), "{output:?}");
    let report = &output.json()["reports"][0];
    assert_eq!(report["coverage"]["targets"], 1, "{report}");
    assert!(findings(report).iter().all(|it| it["account_id"] == world().id("web-dev")));
}

#[test]
fn nothing_secret_is_printed_even_when_all_is_logged() {
    let caller = profile(json!({}));
    let mut command = caller.command(&["scan", "find_unused_volumes", "--log", "trace"]);
    command.env("AWS_SECRET_ACCESS_KEY", "verysecretvalue0123456789");
    let output = Running::start(command).finish();
    assert_eq!(output.code, Some(0));
    assert!(!output.stderr.is_empty(), "something is logged");
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains("verysecretvalue0123456789"), "the secret key is printed");
    }
}

#[test]
fn the_shell_sees_a_pipe_into_head_as_a_success() {
    let caller = profile(json!({}));
    let piped = format!("'{}' tools --output markdown | head -1", env!("CARGO_BIN_EXE_orgscan"));
    let mut shell = Command::new("sh");
    let output =
        shell.args(["-c", &piped]).envs(caller.command(&[]).get_envs().filter_map(|(k, v)| Some((k, v?)))).output();
    let output = output.expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "# Tools\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_parameter_is_given_to_each_tool_that_takes_it() {
    let idle = |arguments: &[&str]| {
        let scanned = profile(json!({}))
            .scan(&[&["find_unused_lambda_functions", "find_unused_elastic_ips"], arguments].concat());
        let found = scanned.report("find_unused_lambda_functions");
        let found: BTreeSet<String> =
            findings(found).iter().map(|it| it["resource_id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(
            scanned.report("find_unused_elastic_ips")["findings"],
            everything().report("find_unused_elastic_ips")["findings"]
        );
        found
    };
    for name in ["lookback_days", "period"] {
        let within = idle(&["-p", &format!("{name}=30")]);
        assert!(within.contains("busy-rarely"), "invoked 60 days ago: {within:?}");
        assert!(!within.contains("busy-daily"), "invoked yesterday: {within:?}");
    }
}

/// Runs a command that needs no AWS.
fn offline(arguments: &[&str]) -> Output {
    Running::start(plain_command(arguments)).finish()
}

#[test]
fn the_parts_of_the_policy_are_the_whole_and_its_template_is_the_one_that_is_committed() {
    let whole = offline(&["policy", "cleanup"]).json();
    let parts = offline(&["policy", "cleanup", "--parts"]);
    let lines: Vec<Value> = parts.stdout.lines().map(|it| serde_json::from_str(it).expect("a policy")).collect();
    let actions = |it: &Value| it["Statement"][0]["Action"].as_array().expect("actions").clone();
    assert_eq!(lines.iter().flat_map(actions).collect::<Vec<_>>(), actions(&whole));
    let template = offline(&["policy", "--format", "cloudformation"]).stdout;
    let committed = std::fs::read_to_string(repository("cloudformation/member-role.yaml")).expect("committed");
    assert!(template == committed, "{template}");
    let one = offline(&["policy", "find_unused_volumes", "--format", "cloudformation"]).stdout;
    assert!(one.contains("ec2:DescribeVolumes") && !one.contains("s3:"), "{one}");
    says(&refused(&offline(&["policy", "--format", "cloudformation", "--parts"])), &["--parts", "template"]);
}

#[test]
fn the_policy_is_explained_by_action() {
    let explained = offline(&["policy", "--explain", "--output", "json"]).json();
    for row in explained.as_array().expect("rows") {
        let (action, tools) = (row["action"].as_str().expect("an action"), row["tools"].as_array().expect("tools"));
        assert!(tools_that_need(action).iter().all(|it| tools.contains(&json!(it))), "{row}");
        assert!(!tools.is_empty(), "{row}");
    }
    let table = offline(&["policy", "storage", "--explain"]);
    says(&table.stdout, &["s3:ListBucket", "find_unused_s3_buckets", "account:ListRegions", "every tool"]);
}

#[test]
fn the_policies_of_a_role_are_read_from_iam_and_compared() {
    let caller = profile(json!({"unlimited_role": true}));
    let output = caller.orgscan(&["policy", "--diff-role", "OrgscanScanner", "--output", "json"]);
    assert_eq!((output.code, output.json()["missing"].clone()), (Some(0), json!([])), "{output:?}");
    let unused = output.json()["not_used"].clone();
    assert!(unused.as_array().is_some_and(|it| it.iter().any(|it| it["granted"] == "logs:PutLogEvents")), "{unused}");
    let line = refused(&caller.orgscan(&["policy", "--diff-role", "Nobody"]));
    says(&line, &["Nobody", "NoSuchEntity", "--diff"]);
    let line = refused(&profile(json!({})).orgscan(&["policy", "--diff-role", "OrgscanScanner"]));
    says(&line, &["iam:GetRole", "not authorized"]);
    says(&refused(&offline(&["policy", "--diff-role", "x", "--explain"])), &["--explain"]);
    says(&refused(&offline(&["policy", "--diff-role", "x"])), &["credentials"]);
}

/// Compares a policy with what orgscan needs.
fn compared(policy: &Value, arguments: &[&str]) -> Output {
    let file = scratch("policy.json");
    std::fs::write(&file, policy.to_string()).expect("written");
    let path = file.to_str().expect("a path");
    offline(&[&["policy", "--diff", path], arguments].concat())
}

#[test]
fn a_policy_that_lacks_an_action_is_told_with_what_it_costs() {
    let mut policy = offline(&["policy"]).json();
    let output = compared(&policy, &["--output", "json"]);
    assert_eq!((output.code, output.json()["missing"].clone()), (Some(0), json!([])), "{output:?}");
    let actions = policy["Statement"][0]["Action"].as_array_mut().expect("actions");
    actions.retain(|it| it != "ec2:DescribeAddresses");
    actions.push(json!("s3:GetObject"));
    let output = compared(&policy, &["--output", "json"]);
    assert_eq!(output.code, Some(2), "{output:?}");
    let json = output.json();
    let tools: BTreeSet<_> = tools_that_need("ec2:DescribeAddresses").into_iter().collect();
    assert_eq!(json["missing"], json!([{"action": "ec2:DescribeAddresses", "why": "not permitted", "tools": tools}]));
    assert_eq!(json["not_used"], json!([{"granted": "s3:GetObject", "actions_used": 0}]));
    let table = compared(&policy, &[]);
    says(&table.stdout, &["1 of ", "ec2:DescribeAddresses", "find_unused_elastic_ips", "s3:GetObject"]);
    assert_eq!(compared(&policy, &["find_unused_volumes"]).code, Some(0), "the tool does not need it");
    let refused_file = |policy: Value| refused(&compared(&policy, &[]));
    says(&refused_file(json!({"RoleDetailList": []})), &["OrgscanReadOnly", "--role-name"]);
    says(&refused_file(json!({})), &["there is no policy in it", "get-role-policy"]);
    says(&refused(&offline(&["policy", "--diff", "/nowhere/policy"])), &["/nowhere/policy"]);
}
