//! `orgscan scan`: runs tools and prints the merged answer.

use std::{sync::Arc, time::Duration};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Access, COMPLETE, Failure, INCOMPLETE, KEPT_BY_A_COMMAND, OutputFormat, checks_named, output, stop_on_signal,
    watch::watch,
};
use crate::{
    check::Check,
    engine::{
        Engine,
        preview::Preview,
        request::{self, Asked, Request, Shared},
    },
};

#[derive(Clone, Debug, Args)]
pub(super) struct ScanArgs {
    /// Tools or categories; all when absent.
    #[arg(value_name = "TOOL|CATEGORY")]
    names: Vec<String>,

    #[command(flatten)]
    access: Access,

    /// Which accounts: ids, name patterns (web-*), ou:NAME or ou:PATH, tag:KEY=VALUE.
    #[arg(long, value_delimiter = ',', env = "ORGSCAN_ACCOUNTS", value_name = "ACCOUNT")]
    accounts: Vec<String>,

    /// Which accounts to leave out.
    #[arg(long, value_delimiter = ',', env = "ORGSCAN_EXCLUDE_ACCOUNTS", value_name = "ACCOUNT")]
    exclude_accounts: Vec<String>,

    /// Which regions; all that are enabled in each account when absent.
    #[arg(long, value_delimiter = ',', env = "ORGSCAN_REGIONS", value_name = "REGION")]
    regions: Vec<String>,

    /// A parameter of the tools, for example `lookback_days=30`. Given to each tool that takes it.
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    params: Vec<String>,

    /// How many findings of each tool to print at most; totals cover all. 0 means all. The table prints 50 unless told.
    #[arg(long, value_name = "N")]
    max_results: Option<usize>,

    /// After how many seconds to stop and answer with what has been seen.
    #[arg(long, env = "ORGSCAN_DEADLINE", value_parser = clap::value_parser!(u64).range(1..=86_400), value_name = "SECONDS")]
    deadline: Option<u64>,

    /// How to print the answer.
    #[arg(long, short = 'o', env = "ORGSCAN_OUTPUT", default_value = "table")]
    output: OutputFormat,

    /// Say what would be asked, how often, how long it takes at least and what AWS charges; calls Organizations only.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: ScanArgs) -> Result<u8, Failure> {
    let checks = checks_named(&args.names)?;
    let request = args.request(&checks)?;
    let engine = args.access.engine(checks, KEPT_BY_A_COMMAND).await?;
    if args.dry_run {
        let preview = Preview::of(&engine, &request).await?;
        output::preview(&preview, args.output)?;
        return Ok(COMPLETE);
    }
    let stop = stop_on_signal();
    let scan = engine.start(request)?;
    watch(scan.as_ref(), args.deadline.map(Duration::from_secs), stop).await;
    let answers = scan.answers()?;
    let most = match args.max_results {
        Some(0) => usize::MAX,
        Some(most) => most,
        None if args.output == OutputFormat::Table => output::ROWS,
        None => usize::MAX,
    };
    let complete = answers.is_complete();
    output::report(&answers, args.output, most)?;
    drop::<Arc<Engine>>(engine);
    Ok(if complete { COMPLETE } else { INCOMPLETE })
}

impl ScanArgs {
    fn request(&self, checks: &[&'static Check]) -> Result<Request, Failure> {
        let shared = Shared {
            accounts: self.accounts.clone(),
            exclude_accounts: self.exclude_accounts.clone(),
            regions: self.regions.clone(),
            ..Shared::default()
        };
        let given = self.params.iter().map(|it| parameter(it)).collect::<Result<Vec<_>, _>>()?;
        if let Some(refused) = given.iter().find_map(|(name, _)| request::refused_credential(name)) {
            return Err(Failure(refused));
        }
        let mut used = vec![false; given.len()];
        let asked = checks.iter().map(|check| {
            let schema = request::input_schema(check);
            let mut arguments = Map::new();
            for ((name, value), used) in given.iter().zip(&mut used) {
                if request::takes(check, name) {
                    *used = true;
                    arguments.insert(name.clone(), typed(value, schema.get("properties").and_then(|it| it.get(name))));
                }
            }
            request::read(check, arguments).map(|it| it.asked).map_err(|it| Failure(format!("{}: {it}", check.name())))
        });
        let asked: Vec<Asked> = asked.collect::<Result<_, _>>()?;
        if let Some(((name, _), _)) = given.iter().zip(&used).find(|(_, used)| !**used) {
            let takes: std::collections::BTreeSet<String> =
                checks.iter().flat_map(|it| request::own_parameters(it)).collect();
            let takes: Vec<_> = takes.into_iter().collect();
            return Err(Failure(format!(
                "no chosen tool takes the parameter '{}'; they take {}",
                name.escape_debug(),
                takes.join(", ")
            )));
        }
        Ok(Request { asked, selection: shared.selection()? })
    }
}

fn parameter(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Failure(format!("'{}' is not NAME=VALUE", text.escape_debug()))),
    }
}

/// A value as its schema wants it: a list is separated by commas, text is taken as it is, the rest is JSON.
fn typed(value: &str, schema: Option<&Value>) -> Value {
    let kind = schema.and_then(|it| it.get("type")).and_then(Value::as_str);
    match kind {
        Some("string") => json!(value),
        Some("array") => {
            let items = schema.and_then(|it| it.get("items"));
            json!(value.split(',').filter(|it| !it.is_empty()).map(|it| typed(it, items)).collect::<Vec<_>>())
        }
        _ => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
    }
}
