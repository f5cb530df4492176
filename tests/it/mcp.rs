//! The MCP server, seen by the official client and by clients that are none.

use std::{
    collections::{BTreeSet, HashSet},
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    harness::{
        Place, Profile, Running, everything, findings, log_time, profile, python, repository, says, tool_names, tools,
        wait_until, world,
    },
    talk::{Served, Session, call, message, post, rpc},
    wire::Request,
};

/// The most characters of an answer.
const BUDGET: u64 = 40_000;

/// The official client.
struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// The server it talks to over HTTP.
    _served: Option<Served>,
}

impl Client {
    fn over_stdio(caller: &Profile, options: &[&str]) -> Self {
        let server = [&[env!("CARGO_BIN_EXE_orgscan"), "stdio"], options].concat();
        Self::start(caller, &[&["stdio"], server.as_slice()].concat(), None)
    }

    fn over_http(caller: &Profile, options: &[&str]) -> Self {
        let served = Served::start(caller, options);
        let url = format!("{}/mcp", served.endpoint);
        Self::start(caller, &["http", &url], Some(served))
    }

    fn start(caller: &Profile, arguments: &[&str], served: Option<Served>) -> Self {
        // The environment that orgscan is to see; the client hands it on to the server it starts.
        let orgscan = caller.command(&[]);
        let environment = orgscan.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut child = Command::new(python())
            .arg(repository("tests/it/mcp_client.py"))
            .args(arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, stdin, stdout, _served: served }
    }

    fn step(&mut self, step: &Value) -> Value {
        let stdin = self.stdin.as_mut().expect("open");
        writeln!(stdin, "{step}").expect("the client reads");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the client answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{step}: {error}: {line}, see above"))
    }

    fn tools(&mut self) -> Vec<Value> {
        self.step(&json!({"list": true}))["tools"].as_array().expect("a list").clone()
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.step(&json!({"call": tool, "arguments": arguments}))
    }

    fn each_way() -> [(&'static str, Self); 2] {
        let caller = profile(json!({}));
        [("stdio", Self::over_stdio(&caller, &[])), ("http", Self::over_http(&caller, &[]))]
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if !std::thread::panicking() {
            self.child.wait().expect("the client ends when its input does");
        } else if self.child.kill().is_ok() {
            self.child.wait().expect("ended");
        }
    }
}

/// What does not change from scan to scan.
fn lasting(report: &Value) -> Value {
    let mut report = report.clone();
    for name in ["scan_id", "as_of", "api"] {
        report.as_object_mut().expect("a report").remove(name).unwrap_or_else(|| panic!("a report has its {name}"));
    }
    report
}

/// The names that a server lists: those of some tools, and the doctor's.
fn offered(tools: Vec<&'static str>) -> Vec<&'static str> {
    let mut names = [tools, vec!["doctor"]].concat();
    names.sort_unstable();
    names
}

#[test]
fn the_tools_are_listed_in_order_read_only_and_with_an_output_schema() {
    for (way, mut client) in Client::each_way() {
        let listed = client.tools();
        let names: Vec<_> = listed.iter().map(|it| it["name"].as_str().expect("a name")).collect();
        assert_eq!(names, offered(tool_names()), "{way}");
        for it in &listed {
            let hints = &it["annotations"];
            assert_eq!(
                (&hints["readOnlyHint"], &hints["destructiveHint"]),
                (&json!(true), &json!(false)),
                "{way}: {it}"
            );
            assert_eq!(it["outputSchema"]["type"], "object", "{way}: {}", it["name"]);
            assert!(it["description"].as_str().is_some_and(|it| it.len() > 50), "{way}: {}", it["name"]);
            let path = repository(format!("tests/tools/{}.json", it["name"].as_str().expect("a name")));
            let recorded: Value =
                serde_json::from_str(&std::fs::read_to_string(path).expect("recorded")).expect("JSON");
            assert_eq!(it["inputSchema"], recorded["inputSchema"], "{way}: what is recorded is what is served");
        }
    }
}

#[test]
fn every_tool_answers_the_same_at_a_terminal_over_stdio_and_over_http() {
    for (way, mut client) in Client::each_way() {
        for tool in tool_names() {
            let answer = client.call(tool, &json!({}));
            assert_eq!(answer["is_error"], false, "{way}: {tool}: {answer}");
            assert!(
                answer["characters"].as_u64().expect("a number") < BUDGET,
                "{way}: {tool}: {}",
                answer["characters"]
            );
            let report = &answer["structured"];
            let fits = findings(report).len() == findings(everything().report(tool)).len();
            if fits {
                assert_eq!(lasting(report), lasting(everything().report(tool)), "{way}: {tool}");
            } else {
                assert!(report["next_cursor"].is_string(), "{way}: {tool} leaves findings out and says so: {report}");
                assert_eq!(report["summary"], everything().report(tool)["summary"], "{way}: {tool}");
            }
            let text = answer["text"].as_str().expect("text");
            assert!(text.contains(tool) && text.contains("Coverage complete"), "{way}: {text}");
        }
    }
}

#[test]
fn pages_of_findings_add_up_to_all_of_them_each_once() {
    let caller = profile(json!({}));
    let mut client = Client::over_stdio(&caller, &[]);
    for (tool, most) in [("find_unused_volumes", 1), ("get_cost_by_service", 9), ("find_unused_snapshots", 2)] {
        let whole = everything().report(tool);
        let (mut paged, mut arguments) = (Vec::new(), json!({"max_results": most}));
        loop {
            let answer = client.call(tool, &arguments);
            assert_eq!(answer["is_error"], false, "{answer}");
            let report = &answer["structured"];
            assert_eq!(report["summary"], whole["summary"], "totals cover all findings on every page");
            assert!(findings(report).len() <= most && !findings(report).is_empty(), "{report}");
            paged.extend(findings(report).iter().cloned());
            let Some(cursor) = report["next_cursor"].as_str() else { break };
            arguments = json!({"max_results": most, "cursor": cursor});
        }
        assert_eq!(json!(paged), whole["findings"], "{tool}");
        let places: BTreeSet<Place> = paged.iter().map(Place::of).collect();
        assert_eq!(places.len(), paged.len(), "{tool}");
    }
}

#[test]
fn format_json_gives_the_report_as_text_within_the_budget() {
    let mut client = Client::over_stdio(&profile(json!({})), &[]);
    for tool in ["find_unused_volumes", "get_cost_by_service"] {
        let answer = client.call(tool, &json!({"format": "json"}));
        let text: Value = serde_json::from_str(answer["text"].as_str().expect("text")).expect("the text is JSON");
        assert_eq!(text, answer["structured"], "{tool}");
        assert!(answer["characters"].as_u64().expect("a number") < BUDGET, "{tool}: {}", answer["characters"]);
    }
}

#[test]
fn progress_is_told_when_asked_for() {
    for over_http in [false, true] {
        let caller = profile(json!({"delay_ms": 600}));
        let mut client = if over_http { Client::over_http(&caller, &[]) } else { Client::over_stdio(&caller, &[]) };
        let answer = client.step(&json!({"call": "find_unused_volumes", "arguments": {}, "progress": true}));
        let told = answer["progress"].as_array().expect("a list");
        assert!(!told.is_empty(), "over HTTP {over_http}: {answer}");
        let values: Vec<f64> = told.iter().filter_map(|it| it[0].as_f64()).collect();
        assert!(values.windows(2).all(|it| it[0] < it[1]), "progress goes up: {values:?}");
        assert!(told[0][2].as_str().is_some_and(|it| it.contains("targets")), "{told:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_an_error_that_the_model_can_act_on() {
    for (way, mut client) in Client::each_way() {
        let unknown = client.call("find_everything", &json!({}));
        let text = unknown["error"]["message"].as_str().unwrap_or_else(|| panic!("{way}: a protocol error: {unknown}"));
        assert!(text.contains("find_everything") && text.contains("find_unused_volumes"), "{way}: {text}");
        assert_eq!(unknown["error"]["code"], -32602, "{way}");
        for (arguments, words) in [
            (json!({"lookback_days": 30}), vec!["'lookback_days'", "min_age_days"]),
            (json!({"min_age_days": -1}), vec!["min_age_days"]),
            (json!({"min_age_days": "many"}), vec!["min_age_days", "many"]),
            (json!({"max_results": 0}), vec!["max_results"]),
            (json!({"deadline_seconds": 100_000}), vec!["deadline_seconds"]),
            (json!({"format": "xml"}), vec!["format", "markdown"]),
            (json!({"access_key": "AKIA"}), vec!["access_key", "credentials are never parameters"]),
            (
                json!({"role_arn": "arn:aws:iam::111122223333:role/x"}),
                vec!["role_arn", "credentials are never parameters"],
            ),
            (json!({"regions": ["eu-west-9"]}), vec!["eu-west-9", "eu-west-1"]),
            (json!({"accounts": ["999999999999"]}), vec!["999999999999", "web-prod"]),
            (json!({"accounts": ["12"]}), vec!["'12'", "12 digits"]),
            (json!({"cursor": "x"}), vec!["'x'", "without"]),
            (json!({"cursor": "x:y"}), vec!["'x:y'"]),
            (json!({"cursor": "0199:5"}), vec!["no longer kept"]),
        ] {
            let answer = client.call("find_unused_volumes", &arguments);
            assert_eq!(answer["is_error"], true, "{way}: {arguments}: {answer}");
            let text = answer["text"].as_str().expect("text");
            assert_eq!(text.lines().count(), 1, "{way}: {arguments}: {text}");
            for word in words {
                assert!(text.contains(word), "{way}: {arguments}: '{word}' is missing in: {text}");
            }
        }
    }
}

#[test]
fn the_doctor_says_the_same_at_a_terminal_over_stdio_and_over_http() {
    let faults = json!({"role_missing": [world().id("ml")], "deny_actions": {"*": ["ec2:DescribeVolumes"]}});
    let lasting = |diagnosis: &Value| {
        let mut diagnosis = diagnosis.clone();
        for name in ["examination_id", "as_of", "calls"] {
            let removed = diagnosis.as_object_mut().expect("an object").remove(name);
            assert!(removed.is_some(), "it has its {name}");
        }
        // AWS's words name the session, and so the examination.
        for trouble in diagnosis["troubles"].as_array_mut().expect("a list") {
            trouble["message"] = Value::Null;
        }
        diagnosis
    };
    let caller = profile(faults);
    let arguments = ["doctor", "find_unused_volumes", "network", "--output", "json"];
    let printed = caller.orgscan(&arguments).json();
    for mut client in [Client::over_stdio(&caller, &[]), Client::over_http(&caller, &[])] {
        let answer = client.call("doctor", &json!({"tools": ["find_unused_volumes", "network"]}));
        assert_eq!(answer["is_error"], false, "{answer}");
        assert!(answer["characters"].as_u64().expect("a number") < BUDGET, "{}", answer["characters"]);
        assert_eq!(lasting(&answer["structured"]), lasting(&printed));
        let text = answer["text"].as_str().expect("text");
        says(text, &["There is something to fix", "role_missing", "ec2:DescribeVolumes", "Fix: "]);
    }
    let mut client = Client::over_stdio(&caller, &[]);
    let answer = client.call("doctor", &json!({"tools": ["cost"], "format": "json"}));
    let text: Value = serde_json::from_str(answer["text"].as_str().expect("text")).expect("the text is JSON");
    assert_eq!(text, answer["structured"]);
}

#[test]
fn a_doctor_that_takes_long_is_read_on_with_its_cursor() {
    let mut client = Client::over_stdio(&profile(json!({"delay_ms": 250})), &[]);
    let arguments = json!({"tools": ["find_unused_volumes"], "deadline_seconds": 1});
    let first = client.step(&json!({"call": "doctor", "arguments": arguments, "progress": true}));
    let diagnosis = &first["structured"];
    assert_eq!((&diagnosis["complete"], &diagnosis["in_order"]), (&json!(false), &Value::Null), "{first}");
    says(first["text"].as_str().expect("text"), &["Nothing to fix so far", "The trial goes on", "cursor"]);
    let cursor = diagnosis["next_cursor"].clone();
    let whole = client.step(&json!({"call": "doctor", "arguments": {"cursor": cursor}, "progress": true}));
    assert_eq!((&whole["structured"]["complete"], &whole["structured"]["in_order"]), (&json!(true), &json!(true)));
    assert_eq!(whole["structured"]["examination_id"], diagnosis["examination_id"]);
    assert_eq!(whole["structured"]["next_cursor"], Value::Null);
    let told = whole["progress"].as_array().expect("a list");
    assert!(told.iter().all(|it| it[2].as_str().is_some_and(|it| it.contains("accounts"))), "{told:?}");
    for (arguments, words) in [
        (json!({"cursor": "0199"}), vec!["'0199'", "ask again without"]),
        (json!({"tools": ["cleaning"]}), vec!["'cleaning'", "find_unused_volumes"]),
        (json!({"min_age_days": 1}), vec!["'min_age_days'", "doctor takes"]),
        (json!({"role_arn": "x"}), vec!["credentials are never parameters"]),
        (json!({"regions": ["eu-west-9"]}), vec!["eu-west-9", "eu-west-1"]),
        (json!({"accounts": ["nothing-*"]}), vec!["nothing-*", "web-prod"]),
    ] {
        let answer = client.call("doctor", &arguments);
        assert_eq!(answer["is_error"], true, "{arguments}: {answer}");
        says(answer["text"].as_str().expect("text"), &words);
    }
}

#[test]
fn a_doctor_that_the_client_cancels_asks_no_more() {
    let caller = profile(json!({"hang": ["ec2:DescribeVolumes"]}));
    let mut session = Session::open(&caller, &[]);
    let id = session.begin("doctor", &json!({"tools": ["find_unused_volumes"]}));
    caller.wait_until("volumes are asked for", |calls| calls.iter().any(|it| it.name() == "ec2:DescribeVolumes"));
    session.tell("notifications/cancelled", &json!({"requestId": id}));
    caller.falls_silent_after(log_time());
}

#[test]
fn requests_written_for_the_reference_server_keep_working() {
    let mut client = Client::over_stdio(&profile(json!({})), &[]);
    let of = |it: &Value, region: &str| findings(it).iter().all(|it| it["region"] == region);
    for arguments in
        [json!({"region": "us-east-1"}), json!({"region_name": "us-east-1"}), json!({"region": ["us-east-1"]})]
    {
        let answer = client.call("find_unused_volumes", &arguments);
        let report = &answer["structured"];
        assert!(!findings(report).is_empty() && of(report, "us-east-1"), "{arguments}: {answer}");
    }
    let answer = client.call("find_unused_lambda_functions", &json!({"period": 30}));
    assert_eq!(answer["is_error"], false, "{answer}");
    let found: HashSet<_> =
        findings(&answer["structured"]).iter().filter_map(|it| it["resource_id"].as_str()).collect();
    assert!(found.contains("busy-rarely"), "the function invoked 60 days ago is idle for 30 days: {found:?}");
}

#[test]
fn a_cursor_belongs_to_its_tool() {
    let mut client = Client::over_stdio(&profile(json!({})), &[]);
    let part = client.call("find_unused_volumes", &json!({"max_results": 1}));
    let cursor = part["structured"]["next_cursor"].clone();
    let answer = client.call("find_unused_amis", &json!({"cursor": cursor}));
    assert_eq!(answer["is_error"], true, "{answer}");
    assert!(answer["text"].as_str().is_some_and(|it| it.contains("another tool")), "{answer}");
}

#[test]
fn without_credentials_the_model_is_told_why() {
    let served = Served::with(&profile(json!({})), &[], &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]);
    let answer = message(&call("find_unused_volumes", &json!({})).send(&served.endpoint));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let text = answer["result"]["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("credentials"), "{text}");
}

#[test]
fn http_that_is_no_mcp_is_refused_and_harms_nothing() {
    let served = Served::start(&profile(json!({})), &[]);
    let status = |request: Request| request.send(&served.endpoint).status;
    assert_eq!((served.get("/health").status, served.get("/ping").status), (200, 200));
    let health: Value = serde_json::from_str(&served.get("/health").body).expect("JSON");
    assert_eq!((&health["status"], &health["version"]), (&json!("healthy"), &json!(env!("CARGO_PKG_VERSION"))));
    let ping: Value = serde_json::from_str(&served.get("/ping").body).expect("JSON");
    assert_eq!(ping["status"], "Healthy", "as AgentCore wants it");
    assert_eq!(served.get("/mcp").status, 405);
    assert_eq!(served.get("/nothing").status, 404);

    let broken = status(post("{\"jsonrpc\": "));
    assert!((400..500).contains(&broken), "malformed JSON: {broken}");
    assert_eq!(status(post(vec![b'x'; 5 * 1024 * 1024])), 413, "a body of 5 MiB");
    let other = status(Request::new("POST", "/mcp").header("Content-Type", "text/plain").body("hello"));
    assert!((400..500).contains(&other), "not JSON at all: {other}");

    let answer = rpc("tools/explode", &json!({})).send(&served.endpoint);
    assert!(answer.body.contains("-32601"), "an unknown method: {answer:?}");
    let foreign = status(rpc("tools/list", &json!({})).header("Host", "evil.example"));
    assert_eq!(foreign, 403, "a foreign host on loopback means DNS rebinding");
    let foreign = status(rpc("tools/list", &json!({})).header("Origin", "https://evil.example"));
    assert_eq!(foreign, 403, "a web page may not ask");

    let listed = message(&rpc("tools/list", &json!({})).send(&served.endpoint));
    assert_eq!(
        listed["result"]["tools"].as_array().expect("a list").len(),
        offered(tool_names()).len(),
        "still serving"
    );
}

#[test]
fn a_session_id_that_a_platform_adds_does_no_harm() {
    let served = Served::start(&profile(json!({})), &[]);
    let answer = rpc("tools/list", &json!({})).header("Mcp-Session-Id", "0199-platform").send(&served.endpoint);
    let listed = message(&answer)["result"]["tools"].as_array().expect("a list").len();
    assert_eq!(listed, offered(tool_names()).len());
}

#[test]
fn a_bearer_token_is_asked_for_where_one_is_set() {
    let served = Served::with(&profile(json!({})), &["--require-auth"], &[("ORGSCAN_BEARER_TOKEN", "open-sesame")]);
    let with = |token: Option<&str>| {
        let request = rpc("tools/list", &json!({}));
        let request = match token {
            Some(token) => request.header("Authorization", token),
            None => request,
        };
        request.send(&served.endpoint)
    };
    for wrong in
        [None, Some("Bearer open"), Some("Bearer open-sesame2"), Some("Basic open-sesame"), Some("open-sesame")]
    {
        let answer = with(wrong);
        assert_eq!(answer.status, 401, "{wrong:?}: {answer:?}");
        assert!(answer.head.to_ascii_lowercase().contains("www-authenticate: bearer"), "{answer:?}");
    }
    assert_eq!(with(Some("Bearer open-sesame")).status, 200);
    assert_eq!(with(Some("bearer open-sesame")).status, 200);
    assert_eq!((served.get("/health").status, served.get("/ping").status), (200, 200), "health needs no token");
}

#[test]
fn the_categories_of_the_environment_are_obeyed_everywhere() {
    let in_categories = |categories: &[&str]| -> Vec<&str> {
        let of = tools().iter().filter(|it| categories.contains(&it["category"].as_str().expect("a category")));
        offered(of.map(|it| it["tool"].as_str().expect("a name")).collect())
    };
    let names = |answer: &Value| -> Vec<String> {
        let listed = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        listed.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    };
    for (value, categories) in [("cost", vec!["cost"]), (" Cost, cleanup,", vec!["cost", "cleanup"])] {
        let served = Served::with(&profile(json!({})), &[], &[("MCP_TOOL_CATEGORIES", value)]);
        let over_http = names(&message(&rpc("tools/list", &json!({})).send(&served.endpoint)));
        assert_eq!(over_http, in_categories(&categories), "{value}");
        let mut session = Session::open(&profile(json!({})), &["--categories", value]);
        let id = session.ask("tools/list", &json!({}));
        assert_eq!(names(&session.answer(id)), in_categories(&categories), "{value}");
        let id = session.begin("find_unused_nat_gateways", &json!({}));
        assert_eq!(session.answer(id)["error"]["code"], -32602, "a tool that is not offered is not there");
    }
    let served = Served::with(&profile(json!({})), &[], &[("MCP_TOOL_CATEGORIES", "all")]);
    let listed = names(&message(&rpc("tools/list", &json!({})).send(&served.endpoint)));
    assert_eq!(listed, offered(tool_names()));
    for (value, expected) in [
        ("find_unused_volumes", vec!["find_unused_volumes"]),
        ("doctor,find_unused_volumes", vec!["doctor", "find_unused_volumes"]),
        ("doctor", vec!["doctor"]),
    ] {
        let served = Served::with(&profile(json!({})), &[], &[("ORGSCAN_TOOLS", value)]);
        let listed = names(&message(&rpc("tools/list", &json!({})).send(&served.endpoint)));
        assert_eq!(listed, expected, "tools that are named are offered and no others");
    }
    for command in ["serve", "stdio"] {
        let mut unknown = profile(json!({})).command(&[command]);
        unknown.env("MCP_TOOL_CATEGORIES", "cost,magic");
        let output = Running::start(unknown).finish();
        assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "{output:?}");
        assert!(output.stderr.contains("'magic'") && output.stderr.contains("cleanup"), "{output:?}");
    }
}

#[test]
fn the_mode_of_the_environment_starts_a_server_without_a_command() {
    let port = crate::wire::free_port().to_string();
    let mut command = profile(json!({})).command(&[]);
    command.env("MCP_SERVER_MODE", "http").env("MCP_SERVER_HOST", "127.0.0.1").env("MCP_SERVER_PORT", &port);
    let running = Running::start(command);
    let listens = || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
    wait_until("the server listens", listens);
    running.signal("TERM");
    assert_eq!(running.finish().code, Some(0));
}

#[test]
fn a_client_that_closes_stdin_ends_the_server() {
    // Stdin is closed from the start: the client never says hello.
    let output = Running::start(profile(json!({})).command(&["stdio"])).finish();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{output:?}");
}
