//! `orgscan doctor`: tries every account and says what does not work, what that costs and how to fix it.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{
    Access, COMPLETE, Failure, INCOMPLETE, KEPT_BY_A_COMMAND, OutputFormat, RolloutArgs, checks_named, output,
    stop_on_signal, watch::watch,
};
use crate::{
    aws::problem::one_line,
    engine::{diagnosis::Diagnosis, doctor::Visit, remedy::Trouble, request::Shared},
    words::{not_tried, places, verdict},
};

/// How many places of a trouble the table names.
const PLACES_SHOWN: usize = 4;

#[derive(Clone, Debug, Args)]
pub(super) struct DoctorArgs {
    /// The tools or categories whose actions are tried; all when absent.
    #[arg(value_name = "TOOL|CATEGORY")]
    names: Vec<String>,

    #[command(flatten)]
    access: Access,

    #[command(flatten)]
    rollout: RolloutArgs,

    /// Which accounts: ids, name patterns (web-*), ou:NAME or ou:PATH, tag:KEY=VALUE.
    #[arg(long, value_delimiter = ',', env = "ORGSCAN_ACCOUNTS", value_name = "ACCOUNT")]
    accounts: Vec<String>,

    /// Which accounts to leave out.
    #[arg(long, value_delimiter = ',', env = "ORGSCAN_EXCLUDE_ACCOUNTS", value_name = "ACCOUNT")]
    exclude_accounts: Vec<String>,

    /// In which regions to try; one when absent, that of the scanner.
    #[arg(long, value_delimiter = ',', env = "ORGSCAN_REGIONS", value_name = "REGION")]
    regions: Vec<String>,

    /// Also try what AWS charges for: one page of Cost Explorer (0.01 USD), and one metric (0.00001 USD) in each account.
    #[arg(long, env = "ORGSCAN_PAID")]
    paid: bool,

    /// After how many seconds to stop and tell what has been seen.
    #[arg(long, env = "ORGSCAN_DEADLINE", value_parser = clap::value_parser!(u64).range(1..=86_400), value_name = "SECONDS")]
    deadline: Option<u64>,

    /// How to print what was found.
    #[arg(long, short = 'o', env = "ORGSCAN_OUTPUT", default_value = "table")]
    output: OutputFormat,
}

pub(super) async fn run(args: DoctorArgs) -> Result<u8, Failure> {
    let checks = checks_named(&args.names)?;
    let shared = Shared {
        accounts: args.accounts,
        exclude_accounts: args.exclude_accounts,
        regions: args.regions,
        ..Shared::default()
    };
    let selection = shared.selection()?;
    let visit = Visit { checks: checks.clone(), selection, paid: args.paid, rollout: args.rollout.rollout() };
    let engine = args.access.engine(checks, KEPT_BY_A_COMMAND).await?;
    let stop = stop_on_signal();
    let examination = engine.examine(visit);
    watch(examination.as_ref(), args.deadline.map(Duration::from_secs), stop).await;
    let diagnosis = examination.diagnosis()?;
    let text = match args.output {
        OutputFormat::Json => serde_json::to_string_pretty(&diagnosis)?,
        OutputFormat::Ndjson | OutputFormat::Csv => troubles(&diagnosis, args.output)?,
        OutputFormat::Table | OutputFormat::Summary | OutputFormat::Markdown => words(&diagnosis, args.output)?,
    };
    output::print(&text)?;
    Ok(if diagnosis.in_order == Some(true) { COMPLETE } else { INCOMPLETE })
}

fn troubles(diagnosis: &Diagnosis, format: OutputFormat) -> Result<String, Failure> {
    let most = if format == OutputFormat::Csv { usize::MAX } else { PLACES_SHOWN };
    let in_full = !matches!(format, OutputFormat::Table | OutputFormat::Summary);
    let row = |it: &Trouble| {
        let action = it.action.clone().unwrap_or_else(|| "everything".to_owned());
        let mut row = vec![it.class.clone(), action, places(it, most), it.costs.clone(), it.fix.clone()];
        row.extend(in_full.then(|| it.message.clone()));
        row
    };
    let rows: Vec<_> = diagnosis.troubles.iter().map(row).collect();
    let json: Vec<_> = diagnosis.troubles.iter().map(|it| json!(it)).collect();
    let heads = ["what", "action", "where", "costs", "fix", "AWS said"];
    output::listing(format, &heads[..if in_full { 6 } else { 5 }], &rows, &json)
}

fn words(diagnosis: &Diagnosis, format: OutputFormat) -> Result<String, Failure> {
    let mut lines: Vec<_> = diagnosis.notes.iter().map(|it| format!("note: {}", one_line(it))).collect();
    if !diagnosis.troubles.is_empty() {
        lines.push(troubles(diagnosis, format)?);
    }
    lines.extend(not_tried(diagnosis));
    lines.push(verdict(diagnosis));
    Ok(lines.join("\n"))
}
