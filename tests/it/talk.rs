//! How the tests speak MCP: JSON-RPC by hand over stdio and HTTP, and a server to speak it to.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    harness::{Profile, Running, wait_until},
    wire::{Answer, Request, free_port},
};

const VERSION: &str = "2025-06-18";

/// A client of `orgscan stdio` that says exactly what it is told to say.
pub(crate) struct Session {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Value>,
    next: u64,
}

impl Session {
    pub(crate) fn open(caller: &Profile, options: &[&str]) -> Self {
        let mut command = caller.command(&[&["stdio"], options].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let line = line.expect("the server can be read");
                let message = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut session = Self { child, stdin, lines, next: 1 };
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client});
        let id = session.ask("initialize", &hello);
        session.answer(id);
        session.tell("notifications/initialized", &json!({}));
        session
    }

    fn write(&mut self, message: &Value) {
        writeln!(self.stdin, "{message}").expect("the server reads");
        self.stdin.flush().expect("the server reads");
    }

    pub(crate) fn tell(&mut self, method: &str, params: &Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request; returns its id.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The answer to a request; what the server tells in between is passed over.
    pub(crate) fn answer(&self, id: u64) -> Value {
        loop {
            let message = self.lines.recv_timeout(Duration::from_secs(100)).expect("the server answers");
            if message["id"] == id {
                return message;
            }
        }
    }

    pub(crate) fn begin(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.ask("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool; returns its structured content.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let id = self.begin(tool, arguments);
        let answer = self.answer(id);
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["structuredContent"].clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().expect("ended");
        }
    }
}

/// `orgscan serve` on loopback.
pub(crate) struct Served {
    pub(crate) running: Running,
    pub(crate) endpoint: String,
}

impl Served {
    pub(crate) fn start(caller: &Profile, options: &[&str]) -> Self {
        Self::with(caller, options, &[])
    }

    pub(crate) fn with(caller: &Profile, options: &[&str], environment: &[(&str, &str)]) -> Self {
        // Somebody else may take a port between its choice and its use.
        let started = (0..3).find_map(|_| Self::try_start(caller, options, environment));
        started.expect("the server listens")
    }

    /// `None` when the server ends instead of listening.
    fn try_start(caller: &Profile, options: &[&str], environment: &[(&str, &str)]) -> Option<Self> {
        let port = free_port().to_string();
        let mut command = caller.command(&[&["serve", "--host", "127.0.0.1", "--port", &port], options].concat());
        command.envs(environment.iter().copied());
        let mut running = Running::start(command);
        let listens = || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
        let mut ended = false;
        wait_until("the server listens", || {
            ended = running.is_over();
            ended || listens()
        });
        (!ended).then(|| Self { running, endpoint: format!("http://127.0.0.1:{port}") })
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Request::new("GET", path).send(&self.endpoint)
    }
}

/// A message to the MCP endpoint.
pub(crate) fn post(body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", "/mcp")
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .header("MCP-Protocol-Version", VERSION)
        .body(body)
}

/// A request to the MCP endpoint.
pub(crate) fn rpc(method: &str, params: &Value) -> Request {
    post(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
}

/// A call of a tool.
pub(crate) fn call(tool: &str, arguments: &Value) -> Request {
    rpc("tools/call", &json!({"name": tool, "arguments": arguments}))
}

/// The JSON-RPC answer in an answer, whether it came as JSON or as a stream of events.
pub(crate) fn message(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let events = answer.body.lines().filter_map(|it| it.strip_prefix("data:"));
    let whole = std::iter::once(answer.body.as_str());
    let messages = events.chain(whole).filter_map(|it| serde_json::from_str::<Value>(it.trim()).ok());
    let mut last = messages.filter(|it| it.get("id").is_some());
    last.next().unwrap_or_else(|| panic!("no message in {answer:?}"))
}
