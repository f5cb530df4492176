//! The made-up organization from outside: the demo, the simulator for strangers, and its sudden death.

use std::{process::Command, time::Duration};

use serde_json::Value;

use crate::{
    harness::{
        Output, Running, adds_up, findings, plain_command, python, refused, repository, rows, says, tool_names, tools,
        wait_until,
    },
    talk::{call, message},
    wire::{Request, free_port},
};

fn run(arguments: &[&str]) -> Output {
    Running::start(plain_command(arguments)).finish()
}

/// `orgscan simulator`, or `orgscan demo --serve`, on loopback.
pub(crate) struct Simulated {
    running: Running,
    port: String,
}

impl Simulated {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let started = (0..3).find_map(|_| {
            let port = free_port().to_string();
            let mut running = Running::start(plain_command(&[arguments, &["--port", &port]].concat()));
            let listens = || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
            let mut ended = false;
            wait_until("the simulator listens", || {
                ended = running.is_over();
                ended || listens()
            });
            (!ended).then_some(Self { running, port })
        });
        started.expect("it listens")
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A command of the scanner in this organization.
    pub(crate) fn lead(&self, mut command: Command) -> Command {
        command
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", "AKIAORGSCANSIMULATOR")
            .env("AWS_SECRET_ACCESS_KEY", "orgscan-simulator")
            .env("AWS_REGION", "us-east-1");
        command
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = Request::new("GET", path).send(&self.endpoint());
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    fn calls(&self) -> u64 {
        let counts = self.get("/_simulator/counts");
        counts["calls"].as_object().expect("counted").values().filter_map(Value::as_u64).sum()
    }
}

/// How many findings the summary gives a tool.
fn of_tool(summary: &str, tool: &str) -> u64 {
    let row = rows(summary).find(|it| it[0] == tool).unwrap_or_else(|| panic!("{tool} is not in {summary}"));
    row[1].parse().unwrap_or_else(|_| panic!("no number in {row:?}"))
}

#[test]
fn the_demo_needs_no_account_and_every_category_finds_something() {
    let output = run(&["demo", "--latency", "0ms"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let summary = &output.stdout;
    let intro = "A made-up organization: 40 accounts, 6 regions, seed 1. No AWS account was touched.";
    says(summary, &[intro, "USD a month to save, at least", "role_missing", "denied_by_scp", "Try next:", "Took "]);
    for tool in tool_names() {
        assert!(of_tool(summary, tool) > 0, "{tool} finds nothing: {summary}");
    }
    let categories: Vec<_> = tools().iter().filter_map(|it| it["category"].as_str()).collect();
    assert!(categories.len() >= tool_names().len(), "{categories:?}");
}

#[test]
fn the_demo_of_a_small_organization_without_faults_is_complete() {
    let demo = ["demo", "--accounts", "3", "--regions", "1", "--seed", "7", "--latency", "0ms"];
    let numbers = |output: &Output| {
        let tools = tool_names().into_iter().filter(|it| !it.starts_with("get_"));
        tools.map(|it| of_tool(&output.stdout, it)).collect::<Vec<_>>()
    };
    let (first, second) = (run(&demo), run(&demo));
    says(&first.stdout, &["Coverage complete", "3 accounts, 1 regions, seed 7"]);
    assert_eq!(numbers(&first), numbers(&second));
}

#[test]
fn what_cannot_be_made_up_is_refused_in_one_line() {
    let line = |arguments: &[&str]| refused(&run(arguments));
    for (arguments, words) in [
        (&["demo", "--accounts", "0"][..], &["--accounts", "1..=10000"][..]),
        (&["demo", "--accounts", "10001"], &["10001", "1..=10000"]),
        (&["demo", "--regions", "0"], &["--regions", "1..=17"]),
        (&["demo", "--regions", "18"], &["--regions", "1..=17"]),
        (&["demo", "--fault", "flood"], &["unknown fault 'flood'", "hang", "throttle"]),
        (&["demo", "--latency", "soon"], &["'soon' is not a time", "60ms"]),
        (&["simulator", "--density", "1000"], &["--density", "between 0 and 100"]),
        (&["simulator", "--fault", "hang:rate=7"], &["the rate '7'"]),
    ] {
        says(&line(arguments), words);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    says(&line(&["simulator", "--port", &port]), &["port", &port, "in use", "--port"]);
    says(&line(&["demo", "--serve", "--port", &port]), &["cannot listen on 127.0.0.1:", &port, "--port"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_simulator_listens_on_loopback_and_on_nothing_else() {
    let simulated = Simulated::start(&["simulator", "--accounts", "1"]);
    let port = simulated.port.parse::<u16>().expect("a port");
    // Address and port are hexadecimal; state 0A listens.
    let table = ["/proc/net/tcp", "/proc/net/tcp6"].map(|it| std::fs::read_to_string(it).unwrap_or_default()).concat();
    let listening = table.lines().filter_map(|it| {
        let parts: Vec<_> = it.split_whitespace().collect();
        let (address, at) = parts.get(1)?.split_once(':')?;
        (parts.get(3) == Some(&"0A") && at == format!("{port:04X}")).then_some(address)
    });
    assert_eq!(listening.collect::<Vec<_>>(), ["0100007F"]);
}

#[test]
fn a_client_of_other_make_reads_the_same_world() {
    let simulated = Simulated::start(&["simulator", "--accounts", "6", "--latency", "0ms"]);
    let pool = simulated.lead(Command::new(python()));
    let answer = answered(pool, "benches/boto3_pool.py");
    let planted = simulated.get("/_simulator/planted");
    let volumes = planted.as_array().expect("a list").iter().filter(|it| it[0] == "find_unused_volumes").count();
    assert_eq!(answer["findings"], volumes, "{answer}");
    assert_eq!(answer["calls"], simulated.calls(), "{answer}");
}

/// What a Python script prints.
fn answered(mut command: Command, script: &str) -> Value {
    let output = command.arg(repository(script)).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

#[test]
fn what_aws_refuses_the_simulator_refuses_in_the_same_words() {
    let simulated = Simulated::start(&["simulator", "--accounts", "2", "--latency", "0ms"]);
    let codes = answered(simulated.lead(Command::new(python())), "tests/it/simulator_refusals.py");
    for (what, code) in [
        ("another secret", "AuthFailure"),
        ("another secret, in JSON", "InvalidSignatureException"),
        ("an unknown key", "InvalidClientTokenId"),
        ("an operation it does not have", "InvalidAction"),
        ("an operation it does not have, in JSON", "UnknownOperationException"),
        ("a global service in another region", "InvalidSignatureException"),
        ("a region that is not enabled", "AuthFailure"),
        ("a token of another list", "InvalidParameterValue"),
        ("a role that is not there", "AccessDenied"),
        ("an account that is not there", "AccessDenied"),
        ("a member that lists the accounts", "AccessDeniedException"),
        ("more at once than the bucket holds", "RequestLimitExceeded"),
    ] {
        assert_eq!(codes[what], code, "{what}: {codes}");
    }
}

#[test]
fn mcp_over_the_demo_answers_a_client_and_prints_how_to_reach_it() {
    let served = Simulated::start(&["demo", "--serve", "--accounts", "3", "--latency", "0ms"]);
    let asked = call("find_unused_volumes", &serde_json::json!({"regions": ["us-east-1", "eu-west-1"]}));
    let answer = message(&asked.send(&served.endpoint()));
    let report = &answer["result"]["structuredContent"];
    assert!(!findings(report).is_empty(), "{answer}");
    let Simulated { running, port } = served;
    running.signal("INT");
    let output = running.finish();
    assert_eq!(output.code, Some(0), "{output:?}");
    let url = format!("http://127.0.0.1:{port}/mcp");
    says(&output.stdout, &[&url, "\"mcpServers\"", "\"stdio\"", "AWS_ENDPOINT_URL"]);
}

#[test]
fn when_aws_is_gone_in_the_middle_the_ledger_is_whole() {
    let simulated = Simulated::start(&["simulator", "--accounts", "40", "--latency", "80ms"]);
    let scan = ["scan", "find_unused_volumes", "find_unused_elastic_ips", "--output", "json", "--concurrency", "16"];
    let running = Running::start(simulated.lead(plain_command(&scan)));
    wait_until("the scan is under way", || simulated.calls() > 150);
    simulated.running.signal("KILL");
    let output = running.finish();
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.took < Duration::from_mins(1), "{:?}", output.took);
    let answer = output.json();
    adds_up(&answer["coverage"]);
    let classes: Vec<_> =
        answer["coverage"]["not_scanned"].as_array().expect("a list").iter().map(|it| it["class"].as_str()).collect();
    assert!(classes.contains(&Some("unreachable")), "{classes:?}");
    assert!(answer["coverage"]["scanned"].as_u64() > Some(0), "{}", answer["coverage"]);
    for report in answer["reports"].as_array().expect("reports") {
        adds_up(&report["coverage"]);
        assert_eq!(report["summary"]["lower_bound"], true);
    }
}
