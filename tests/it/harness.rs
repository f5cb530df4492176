//! How the tests run `orgscan`: one stand-in for AWS for the whole process, and a fresh caller with faults for each test.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::Request;

/// The longest that any command of the tests may take.
pub(crate) const LONGEST: Duration = Duration::from_mins(2);
/// How often something is looked at that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The made-up organization, and the server that plays AWS for it.
pub(crate) struct World {
    pub(crate) endpoint: String,
    pub(crate) json: Value,
    /// The server ends when its stdin closes, that is with the tests.
    _server: (Child, ChildStdin),
}

/// The path of a file of the repository.
pub(crate) fn repository(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A path for a file that a test writes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}-{name}", std::process::id()))
}

/// A Python that has moto and the MCP client.
pub(crate) fn python() -> PathBuf {
    let from_environment = std::env::var_os("ORGSCAN_TEST_PYTHON").map(PathBuf::from);
    let python = from_environment.unwrap_or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
        cache.unwrap_or_else(home).join("orgscan/venv/bin/python")
    });
    assert!(python.exists(), "no Python at {}: run scripts/test once, it makes the environment", python.display());
    python
}

/// The world of this process, started when first asked for.
pub(crate) fn world() -> &'static World {
    // Kept also where it does not start, so that not every test tries again.
    static WORLD: OnceLock<Option<World>> = OnceLock::new();
    let world = WORLD.get_or_init(|| {
        let file = scratch("world.json");
        let mut server = Command::new(python())
            .arg(repository("tests/moto/server.py"))
            .arg("--world")
            .arg(&file)
            .arg("--exit-on-stdin-close")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the stand-in for AWS starts");
        let stdin = server.stdin.take().expect("stdin is piped");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the stand-in says something");
        let Some(endpoint) = line.trim().strip_prefix("ready ").map(str::to_owned) else {
            server.wait().expect("the stand-in has ended");
            return None;
        };
        let text = std::fs::read_to_string(&file).expect("the world is written");
        std::fs::remove_file(&file).expect("the world is read");
        Some(World {
            endpoint,
            json: serde_json::from_str(&text).expect("the world is JSON"),
            _server: (server, stdin),
        })
    });
    world.as_ref().expect("the stand-in for AWS starts; see above why it did not, and run scripts/test")
}

impl World {
    /// The id of an account.
    pub(crate) fn id(&self, name: &str) -> &str {
        let of_name = self.rows("accounts").iter().find(|it| it["name"] == name);
        of_name.and_then(|it| it["id"].as_str()).unwrap_or_else(|| panic!("the world has no account {name}"))
    }

    /// The rows of a table of the world.
    pub(crate) fn rows(&self, table: &str) -> &[Value] {
        self.json[table].as_array().unwrap_or_else(|| panic!("the world has no table {table}"))
    }

    /// The accounts that are active, with the management account.
    pub(crate) fn active(&self) -> Vec<&str> {
        let active = self.rows("accounts").iter().filter(|it| it["state"] == "ACTIVE");
        active.map(|it| it["id"].as_str().expect("an id")).collect()
    }

    /// The places that a table names for a tool.
    pub(crate) fn places(&self, table: &str, tool: &str) -> BTreeSet<Place> {
        self.rows(table).iter().filter(|it| it["tool"] == tool).map(Place::of).collect()
    }
}

/// A resource and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) resource: String,
}

impl Place {
    /// Of a finding, or of a row of the world.
    pub(crate) fn of(row: &Value) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{name} is text in {row}")).to_owned();
        Self { account: text("account_id"), region: text("region"), resource: text("resource_id") }
    }
}

/// One call in the log of the stand-in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    /// Seconds since 1970.
    pub(crate) time: f64,
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// Whether it reads a list on, from its second page.
    pub(crate) continued: bool,
    pub(crate) error: Option<String>,
}

impl Call {
    /// For example `ec2:DescribeVolumes`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    /// Whether AWS refused it. That a bucket has no lifecycle, or a repository no policy, comes as an error and is an answer.
    pub(crate) fn is_refused(&self) -> bool {
        let answers = ["NoSuchLifecycleConfiguration", "RepositoryPolicyNotFoundException"];
        self.error.as_deref().is_some_and(|it| !answers.contains(&it))
    }

    /// Whether it is made for each scan to know where to look, or to get in.
    pub(crate) fn is_way_in(&self) -> bool {
        self.service == "sts"
    }
}

/// The time of the log.
pub(crate) fn log_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// A caller of its own, with the faults that AWS shows it.
pub(crate) struct Profile {
    key: String,
}

/// A fresh caller to whom AWS shows some faults; see the table in `tests/moto/front.py`.
#[expect(clippy::needless_pass_by_value, reason = "faults are written where they are given")]
pub(crate) fn profile(faults: Value) -> Profile {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let profile = Profile { key: format!("AKIA{:016}", NUMBER.fetch_add(1, Ordering::Relaxed)) };
    profile.now_has(&faults);
    profile
}

impl Profile {
    /// Replaces the faults.
    pub(crate) fn now_has(&self, faults: &Value) {
        let path = format!("/_front/profiles/{}", self.key);
        let answer = Request::new("PUT", &path).json(faults).send(&world().endpoint);
        assert_eq!(answer.status, 200, "the faults are known: {}", answer.body);
    }

    /// The calls made under this caller so far, also with the roles it assumed.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let answer = Request::new("GET", &format!("/_front/calls/{}", self.key)).send(&world().endpoint);
        serde_json::from_str(&answer.body).expect("the log is JSON")
    }

    /// The calls to one operation, for example `ec2:DescribeVolumes`.
    pub(crate) fn calls_to(&self, name: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|it| it.name() == name).collect()
    }

    /// Waits until the log shows what is looked for.
    pub(crate) fn wait_until(&self, what: &str, seen: impl Fn(&[Call]) -> bool) {
        wait_until(what, || seen(&self.calls()));
    }

    /// Watches the log for a while after a moment: nothing may be called later than a second after it.
    pub(crate) fn falls_silent_after(&self, moment: f64) {
        while log_time() < moment + 2.0 {
            let late: Vec<_> = self.calls().into_iter().filter(|it| it.time > moment + 1.0).collect();
            assert!(late.is_empty(), "called more than a second after the end: {late:?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// `orgscan` with this caller's credentials and nothing else of the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = plain_command(arguments);
        command
            .env("AWS_ENDPOINT_URL", &world().endpoint)
            .env("AWS_ACCESS_KEY_ID", &self.key)
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1");
        command
    }

    /// Runs `orgscan` to its end.
    pub(crate) fn orgscan(&self, arguments: &[&str]) -> Output {
        Running::start(self.command(arguments)).finish()
    }

    /// Runs `orgscan scan --output json`; the scan may be incomplete.
    pub(crate) fn scan(&self, arguments: &[&str]) -> Scanned {
        let output = self.orgscan(&[&["scan", "--output", "json"], arguments].concat());
        assert!(matches!(output.code, Some(0 | 2)), "the scan ran: {output:?}");
        Scanned { code: output.code, json: output.json() }
    }
}

/// `orgscan` in an environment without credentials.
pub(crate) fn plain_command(arguments: &[&str]) -> Command {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home");
    std::fs::create_dir_all(&home).expect("a home");
    let mut command = Command::new(env!("CARGO_BIN_EXE_orgscan"));
    command.env_clear().env("HOME", home).env("AWS_EC2_METADATA_DISABLED", "true").args(arguments);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// The rows of the tables in a text, cell by cell, with their heads.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter_map(|it| it.strip_prefix('│')?.strip_suffix('│'));
    rows.map(|it| it.split('┆').map(str::trim).collect())
}

/// Looks again and again, a while at most.
pub(crate) fn wait_until(what: &str, mut seen: impl FnMut() -> bool) {
    let start = Instant::now();
    while !seen() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited too long: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    name: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    started: Instant,
}

/// What a command has said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

fn read_all(from: Option<impl Read + Send + 'static>) -> Option<JoinHandle<String>> {
    from.map(|mut from| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).expect("the output can be read");
            String::from_utf8(bytes).expect("the output is UTF-8")
        })
    })
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
        Self { child, name, stdout, stderr, started }
    }

    /// Sends a signal, `INT` or `TERM`; returns the moment in the time of the log.
    pub(crate) fn signal(&self, signal: &str) -> f64 {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(sent.success(), "{kill}");
        log_time()
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Output {
        while !self.is_over() {
            assert!(self.started.elapsed() < LONGEST, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
        let took = self.started.elapsed();
        let text = |it: Option<JoinHandle<String>>| it.expect("read once").join().expect("read");
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Output { code: self.child.wait().expect("ended").code(), stdout, stderr, took }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that fails leaves nothing running. A child that has ended cannot be killed, which is as well.
        if self.child.kill().is_ok() {
            self.child.wait().expect("ended");
        }
    }
}

impl Output {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not JSON: {error}: {self:?}"))
    }
}

/// The answer of a scan.
pub(crate) struct Scanned {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
}

impl Scanned {
    pub(crate) fn reports(&self) -> &[Value] {
        self.json["reports"].as_array().expect("reports")
    }

    pub(crate) fn report(&self, tool: &str) -> &Value {
        self.reports().iter().find(|it| it["tool"] == tool).unwrap_or_else(|| panic!("no report of {tool}"))
    }

    /// The findings of all tools, each as its tool and its text, where a place is to be kept.
    pub(crate) fn findings(&self, keep: impl Fn(&Value) -> bool) -> Vec<String> {
        let of = |report: &Value| -> Vec<String> {
            let kept = findings(report).iter().filter(|it| keep(it));
            kept.map(|it| format!("{}: {it}", report["tool"])).collect()
        };
        self.reports().iter().flat_map(of).collect()
    }
}

/// Whether a finding is about something that other accounts may use, so that it depends on what was seen of these.
pub(crate) fn is_shared(finding: &Value) -> bool {
    !finding["attributes"]["shared_with"].is_null()
}

/// The findings of a report.
pub(crate) fn findings(report: &Value) -> &[Value] {
    report["findings"].as_array().unwrap_or_else(|| panic!("no findings in {report}"))
}

/// That a ledger adds up: every target is scanned, or not scanned for a reason.
pub(crate) fn adds_up(coverage: &Value) {
    let number = |it: &Value| it.as_u64().unwrap_or_else(|| panic!("a number in {coverage}"));
    let not_scanned: u64 =
        coverage["not_scanned"].as_array().expect("a list").iter().map(|it| number(&it["targets"])).sum();
    assert_eq!(number(&coverage["targets"]), number(&coverage["scanned"]) + not_scanned, "{coverage}");
}

/// Every tool scanned everywhere without a fault, and the calls it took; done once.
pub(crate) fn whole_scan() -> &'static (Scanned, Vec<Call>) {
    static WHOLE: OnceLock<(Scanned, Vec<Call>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let caller = profile(json!({}));
        let scanned = caller.scan(&[]);
        (scanned, caller.calls())
    })
}

/// The answer of every tool without a fault.
pub(crate) fn everything() -> &'static Scanned {
    &whole_scan().0
}

/// The catalogue, as `orgscan tools` prints it.
pub(crate) fn tools() -> &'static [Value] {
    static TOOLS: OnceLock<Vec<Value>> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let output = Running::start(plain_command(&["tools", "--output", "json"])).finish();
        serde_json::from_value(output.json()).expect("a list of tools")
    })
}

/// The names of all tools.
pub(crate) fn tool_names() -> Vec<&'static str> {
    tools().iter().map(|it| it["tool"].as_str().expect("a name")).collect()
}

/// The tools that need an action.
pub(crate) fn tools_that_need(action: &str) -> Vec<&'static str> {
    let need = |it: &&Value| it["actions"].as_array().expect("a list").iter().any(|it| it == action);
    tools().iter().filter(need).map(|it| it["tool"].as_str().expect("a name")).collect()
}

/// The actions of an IAM policy that is written down.
pub(crate) fn permitted(policy: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository(policy)).expect("the policy is written down");
    let policy: Value = serde_json::from_str(&text).expect("JSON");
    let actions = policy["Statement"].as_array().expect("statements").iter().filter_map(|it| it["Action"].as_array());
    actions.flatten().map(|it| it.as_str().expect("a name").to_owned()).collect()
}

/// That a command was refused in one line of stderr, with nothing on stdout; returns the line.
pub(crate) fn refused(output: &Output) -> String {
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(output.stdout, "", "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.starts_with("orgscan: "), "{output:?}");
    output.stderr.trim_end().to_owned()
}

/// That a line holds all these words.
pub(crate) fn says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "'{word}' is missing in: {line}");
    }
}
