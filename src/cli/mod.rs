//! Who asks, at a terminal.

mod accounts;
mod catalogue;
#[cfg(feature = "simulator")]
mod demo;
mod doctor;
mod granted;
mod output;
mod policy;
mod scan;
mod summary;
mod watch;

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, task::Poll, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};
use futures::{Stream, StreamExt, stream};
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::{
    aws::{
        door::{ATTEMPT_TIMEOUT, QUOTA_SHARE, Terms, own_config},
        partition,
    },
    check::Check,
    checks,
    engine::{
        CONCURRENCY, Engine, MAX_CHARGE, ROLE_NAME, STACK_SET, Settings, Source, doctor::Rollout,
        organization::read_account_list,
    },
    generate,
    server::{
        self,
        tools::{DOCTOR, Server},
    },
};

/// The exit code of a command that did all it was asked to.
const COMPLETE: u8 = 0;
/// The exit code of a command that could not run at all.
const FAILED: u8 = 1;
/// The exit code of a scan that could not see everything.
const INCOMPLETE: u8 = 2;
/// How many bytes of answers a command keeps: it asks once.
const KEPT_BY_A_COMMAND: u64 = 0;
/// How many bytes of answers a server keeps for the questions that follow.
const KEPT_BY_A_SERVER: u64 = 48 * 1024 * 1024;

/// Asks one FinOps question of a whole AWS organization and gives one honest answer.
///
/// orgscan lists the accounts of the organization, assumes a read-only role in each, asks over accounts and regions at
/// half of AWS's request limits, and merges the answers. It never writes to AWS. Credentials come from the AWS standard
/// variables and files.
#[derive(Debug, Parser)]
#[command(name = "orgscan", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// What to log, to stderr: off, error, warn, info, debug, or a filter such as orgscan=debug.
    #[arg(long, global = true, env = "ORGSCAN_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs tools, or all tools of categories, and prints one merged answer.
    ///
    /// Exit code 0: everything was seen; 2: some places could not be seen, the answer says which; 1: could not run.
    Scan(scan::ScanArgs),
    /// Shows what orgscan does, in a made-up organization: no AWS account is needed, and none is touched.
    #[cfg(feature = "simulator")]
    Demo(demo::DemoArgs),
    /// Runs a made-up organization that speaks AWS's protocols on loopback, for tests and benchmarks.
    #[cfg(feature = "simulator")]
    Simulator(demo::SimulatorArgs),
    /// Lists the accounts: who is in the organization, where, in which state, reachable or not.
    Accounts(accounts::AccountsArgs),
    /// Tries every account: whether it can be entered and what is permitted there, with the fix for what does not work.
    ///
    /// Each action is asked once in each account, for one page, in one region. Exit code 0: nothing to fix; 2: something
    /// to fix; 1: could not run.
    Doctor(doctor::DoctorArgs),
    /// Lists the tools, with what each needs and costs.
    Tools(catalogue::ToolsArgs),
    /// Prints the least-privilege policy for the member role, explains it, or compares it with what a role has.
    ///
    /// Exit code 2: --diff found something missing.
    Policy(policy::PolicyArgs),
    /// Serves MCP over Streamable HTTP at /mcp, with /health and /ping.
    Serve(ServeArgs),
    /// Serves MCP over stdin and stdout.
    Stdio(StdioArgs),
}

/// Where to look and how.
#[derive(Clone, Debug, Args)]
struct Access {
    /// Do not call Organizations: scan the accounts in this file, one id a line, name after a comma.
    #[arg(long, env = "ORGSCAN_ACCOUNTS_FILE", value_name = "FILE", conflicts_with = "single_account")]
    accounts_file: Option<PathBuf>,

    /// Scan only the account of the credentials.
    #[arg(long, env = "ORGSCAN_SINGLE_ACCOUNT")]
    single_account: bool,

    /// The role to assume in each member account.
    #[arg(long, env = "ORGSCAN_ROLE_NAME", default_value = ROLE_NAME, value_name = "NAME")]
    role_name: String,

    /// The external id that the role's trust policy asks for.
    #[arg(long, env = "ORGSCAN_EXTERNAL_ID", value_name = "ID")]
    external_id: Option<String>,

    /// The share of AWS's published request rates that may be spent.
    #[arg(long, env = "ORGSCAN_QUOTA_SHARE", default_value_t = QUOTA_SHARE, value_parser = share, value_name = "0.01-1")]
    quota_share: f64,

    /// How many places are looked at at once.
    #[arg(long, env = "ORGSCAN_CONCURRENCY", default_value_t = CONCURRENCY, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "1-1024")]
    concurrency: u16,

    /// How many seconds AWS may take for one answer.
    #[arg(long, env = "ORGSCAN_ATTEMPT_TIMEOUT", default_value_t = ATTEMPT_TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=600), value_name = "SECONDS")]
    attempt_timeout: u64,

    /// The most that the calls AWS charges for may cost, in USD, for each scan.
    #[arg(long, env = "ORGSCAN_MAX_CHARGE", default_value_t = MAX_CHARGE, value_parser = charge, allow_negative_numbers = true, value_name = "USD")]
    max_charge: Decimal,
}

/// How the role comes into the accounts, for `doctor`.
#[derive(Clone, Debug, Args)]
struct RolloutArgs {
    /// The StackSet that brings the role into the accounts: doctor asks it why an account cannot be entered.
    #[arg(long, env = "ORGSCAN_STACK_SET", default_value = STACK_SET, value_name = "NAME")]
    stack_set: String,

    /// The region of the StackSet; us-east-1 when absent, or the region of the partition's global services.
    #[arg(long, env = "ORGSCAN_STACK_SET_REGION", value_parser = region, value_name = "REGION")]
    stack_set_region: Option<String>,
}

/// How the role comes into the accounts where nothing else is said.
fn usual_rollout() -> Rollout {
    Rollout { template_version: generate::template_version(), stack_set: STACK_SET.to_owned(), stack_set_region: None }
}

impl RolloutArgs {
    fn rollout(&self) -> Rollout {
        let (stack_set, stack_set_region) = (self.stack_set.clone(), self.stack_set_region.clone());
        Rollout { stack_set, stack_set_region, ..usual_rollout() }
    }
}

/// Which tools a server offers.
#[derive(Clone, Debug, Args)]
struct Offer {
    /// Only the tools of these categories.
    #[arg(long, env = "MCP_TOOL_CATEGORIES", value_delimiter = ',', value_name = "CATEGORY")]
    categories: Vec<String>,

    /// Only these tools.
    #[arg(long, env = "ORGSCAN_TOOLS", value_delimiter = ',', value_name = "TOOL")]
    tools: Vec<String>,
}

#[derive(Clone, Debug, Args)]
struct StdioArgs {
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    rollout: RolloutArgs,
    #[command(flatten)]
    offer: Offer,
}

#[derive(Clone, Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    rollout: RolloutArgs,
    #[command(flatten)]
    offer: Offer,

    /// The address to listen on.
    #[arg(long, env = "MCP_SERVER_HOST", default_value = "0.0.0.0", value_name = "IP")]
    host: std::net::IpAddr,

    /// The port to listen on.
    #[arg(long, env = "MCP_SERVER_PORT", default_value = "8000", value_name = "PORT")]
    port: u16,

    /// Refuse MCP requests that do not carry the bearer token. Behind AgentCore the platform verifies callers.
    #[arg(long, env = "MCP_REQUIRE_AUTH", value_parser = clap::builder::FalseyValueParser::new())]
    require_auth: bool,

    /// The bearer token that callers must present.
    #[arg(long, env = "ORGSCAN_BEARER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    bearer_token: Option<String>,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=1.0).contains(&share) { Ok(share) } else { Err("must be between 0.01 and 1".to_owned()) }
}

fn region(text: &str) -> Result<String, String> {
    if partition::is_region(text) { Ok(text.to_owned()) } else { Err("not a region of AWS".to_owned()) }
}

fn charge(text: &str) -> Result<Decimal, String> {
    let charge: Decimal = text.parse().map_err(|_| "not an amount".to_owned())?;
    if charge.is_sign_negative() { Err("must not be negative".to_owned()) } else { Ok(charge) }
}

/// One line for the user: the command could not run.
#[derive(Debug)]
struct Failure(String);

impl<T: std::fmt::Display> From<T> for Failure {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let Some(command) = cli.command.or_else(command_of_environment) else {
        let mut whole = <Cli as clap::CommandFactory>::command();
        let names: Vec<_> = whole.get_subcommands().map(|it| it.get_name().to_owned()).collect();
        let line = format!("say what to do: {} (see --help)", names.join(", "));
        return misused(&whole.error(ErrorKind::MissingSubcommand, line));
    };
    log(cli.log.as_deref(), &command);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let code = match runtime.block_on(run(command)) {
        Ok(code) => ExitCode::from(code),
        Err(Failure(text)) => failed(&text),
    };
    // A read of stdin that nobody will answer must not hold the process.
    runtime.shutdown_background();
    code
}

/// Without a command the environment decides, as the reference server did.
fn command_of_environment() -> Option<Command> {
    let mode = std::env::var("MCP_SERVER_MODE").ok()?;
    let command = if mode.eq_ignore_ascii_case("http") { "serve" } else { "stdio" };
    Cli::try_parse_from(["orgscan", command]).ok().and_then(|it| it.command)
}

#[expect(clippy::print_stderr, reason = "the one line that tells the user what went wrong")]
fn failed(text: &str) -> ExitCode {
    eprintln!("orgscan: {text}");
    ExitCode::from(FAILED)
}

/// Help goes to stdout; a wrong flag is one line and exit code 1 (2 means incomplete coverage).
fn misused(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return if error.print().is_ok() { ExitCode::from(COMPLETE) } else { ExitCode::from(FAILED) };
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|it| !it.starts_with("Usage:")).filter(|it| !it.is_empty());
    let line = lines.filter(|it| !it.starts_with("For more information")).collect::<Vec<_>>().join(" ");
    failed(&line.trim_start_matches("error: ").replace(" tip: ", "; "))
}

/// Logs go to stderr: for a server lines at `info`, for a person at a terminal only what went wrong in orgscan itself.
fn log(filter: Option<&str>, command: &Command) {
    let usual = match command {
        Command::Serve(_) => "orgscan=info,warn",
        Command::Stdio(_) => "orgscan=warn,error",
        _ => "error",
    };
    let filter = tracing_subscriber::EnvFilter::try_new(filter.unwrap_or(usual))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if matches!(command, Command::Serve(_)) && !std::io::stderr().is_terminal() {
        logger.json().flatten_event(true).try_init()
    } else {
        logger.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    debug_assert!(started.is_ok(), "logging starts once");
}

async fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Scan(args) => scan::run(args).await,
        #[cfg(feature = "simulator")]
        Command::Demo(args) => demo::run(args).await,
        #[cfg(feature = "simulator")]
        Command::Simulator(args) => demo::simulator(&args).await,
        Command::Accounts(args) => accounts::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Tools(args) => catalogue::tools(&args),
        Command::Policy(args) => policy::run(&args).await,
        Command::Serve(args) => serve(args).await,
        Command::Stdio(args) => {
            let server = args.offer.server(&args.access, &args.rollout).await?;
            server::stdio(server, stop_on_signal()).await?;
            Ok(COMPLETE)
        }
    }
}

async fn serve(args: ServeArgs) -> Result<u8, Failure> {
    let bearer = args.bearer_token.filter(|it| !it.is_empty());
    if args.require_auth && bearer.is_none() {
        return Err(Failure::from(
            "authorization is required and there is no token to compare with; set ORGSCAN_BEARER_TOKEN",
        ));
    }
    let server = args.offer.server(&args.access, &args.rollout).await?;
    let address = SocketAddr::new(args.host, args.port);
    if bearer.is_none() && !args.host.is_loopback() {
        tracing::warn!(
            "anyone who reaches {address} can ask; set ORGSCAN_BEARER_TOKEN or MCP_SERVER_HOST=127.0.0.1 unless a platform in front verifies callers"
        );
    }
    let stop = stop_on_signal();
    let listener = server::listen(address).await?;
    server::http(server, listener, bearer, stop).await?;
    Ok(COMPLETE)
}

/// A token that fires at Ctrl-C or SIGTERM, which are heard from now on. A second one ends the process at once.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let fired = stop.clone();
    match interruptions() {
        Ok(mut interruptions) => {
            tokio::spawn(async move {
                interruptions.next().await;
                fired.cancel();
                interruptions.next().await;
                std::process::exit(130);
            });
        }
        // They end the process, as they do where nobody listens.
        Err(error) => tracing::warn!(error = %error, "cannot listen for signals"),
    }
    stop
}

/// Each Ctrl-C and SIGTERM from now on.
#[cfg(unix)]
fn interruptions() -> std::io::Result<impl Stream<Item = ()> + Unpin> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(stream::poll_fn(move |cx| match interrupted.poll_recv(cx) {
        Poll::Pending => terminated.poll_recv(cx),
        ready @ Poll::Ready(_) => ready,
    }))
}

/// Each Ctrl-C from now on.
#[cfg(not(unix))]
fn interruptions() -> std::io::Result<impl Stream<Item = ()> + Unpin> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(stream::poll_fn(move |cx| interrupted.poll_recv(cx)))
}

impl Access {
    async fn engine(&self, checks: Vec<&'static Check>, kept_bytes: u64) -> Result<Arc<Engine>, Failure> {
        let source = match &self.accounts_file {
            Some(file) => {
                let named = |error: &dyn std::fmt::Display| Failure(format!("{}: {error}", file.display()));
                let text = std::fs::read_to_string(file).map_err(|it| named(&it))?;
                Source::List(read_account_list(&text).map_err(|it| named(&it))?)
            }
            None if self.single_account => Source::Single,
            None => Source::Organization,
        };
        let settings = Settings {
            source,
            role_name: self.role_name.clone(),
            external_id: self.external_id.clone(),
            terms: Terms {
                share: self.quota_share,
                attempt_timeout: Duration::from_secs(self.attempt_timeout),
                kept_bytes,
            },
            concurrency: self.concurrency.into(),
            max_charge: self.max_charge,
        };
        Ok(Arc::new(Engine::new(own_config().await, settings, checks)))
    }
}

/// What a server offers.
struct Offered {
    /// What the engine can run.
    checks: Vec<&'static Check>,
    /// The tools among them that are offered.
    tools: Vec<&'static Check>,
    doctor: bool,
}

impl Offer {
    /// The tools to offer; all when nothing is named. The doctor is offered unless tools are named and it is not among them.
    fn offered(&self) -> Result<Offered, Failure> {
        let (categories, tools) = (named(&self.categories), named(&self.tools));
        let all = checks::all();
        let known: Vec<&str> = all.iter().map(|it| it.category()).collect();
        if let Some(unknown) = categories.iter().find(|it| !known.contains(&it.to_lowercase().as_str())) {
            return Err(Failure(format!(
                "unknown category '{}'; categories are {}",
                unknown.escape_debug(),
                category_names()
            )));
        }
        let doctor = tools.is_empty() || tools.iter().any(|it| it == DOCTOR);
        let others = tools.iter().filter(|it| *it != DOCTOR).cloned();
        let wanted: Vec<String> = categories.iter().map(|it| it.to_lowercase()).chain(others).collect();
        let checks = checks_named(&wanted)?;
        let doctor_alone = wanted.is_empty() && !tools.is_empty();
        Ok(Offered { tools: if doctor_alone { Vec::new() } else { checks.clone() }, checks, doctor })
    }

    /// The server that offers them.
    async fn server(&self, access: &Access, rollout: &RolloutArgs) -> Result<Server, Failure> {
        let offered = self.offered()?;
        let engine = access.engine(offered.checks, KEPT_BY_A_SERVER).await?;
        Ok(Server::new(engine, &offered.tools, offered.doctor.then(|| rollout.rollout())))
    }
}

/// The names of a list; none where it names all, as in the reference server.
fn named(list: &[String]) -> Vec<String> {
    let names = list.iter().map(|it| it.trim()).filter(|it| !it.is_empty() && !it.eq_ignore_ascii_case("all"));
    names.map(str::to_owned).collect()
}

fn category_names() -> String {
    let mut names: Vec<_> = checks::all().iter().map(|it| it.category()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// The checks that tool and category names mean, each once; all when nothing is named.
fn checks_named(names: &[String]) -> Result<Vec<&'static Check>, Failure> {
    let all = checks::all();
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|it| it.is_meant_by(name))) {
        let tools: Vec<_> = all.iter().map(|it| it.name()).collect();
        return Err(Failure(format!(
            "unknown tool or category '{}'; categories are {}; tools are {}",
            unknown.escape_debug(),
            category_names(),
            tools.join(", ")
        )));
    }
    Ok(all.into_iter().filter(|it| names.is_empty() || names.iter().any(|name| it.is_meant_by(name))).collect())
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// A table for people.
    Table,
    /// Totals by tool, account and region.
    Summary,
    /// One JSON document.
    Json,
    /// One finding a line, as JSON; then the ledger on stderr.
    Ndjson,
    /// One finding a line, as CSV; then the ledger on stderr.
    Csv,
    /// Markdown.
    Markdown,
}
