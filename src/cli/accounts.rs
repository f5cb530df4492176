//! `orgscan accounts`: who is in the organization, where, in which state, reachable or not.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};

use super::{Access, COMPLETE, Failure, INCOMPLETE, KEPT_BY_A_COMMAND, OutputFormat, checks, output};
use crate::{
    aws::problem::one_line,
    engine::roster::{self, Entry},
};

#[derive(Clone, Debug, Args)]
pub(super) struct AccountsArgs {
    #[command(flatten)]
    access: Access,

    /// Do not try to assume the role in each account.
    #[arg(long)]
    no_probe: bool,

    /// How to print the accounts.
    #[arg(long, short = 'o', env = "ORGSCAN_OUTPUT", default_value = "table")]
    output: OutputFormat,
}

pub(super) async fn run(args: AccountsArgs) -> Result<u8, Failure> {
    let engine = args.access.engine(checks::all(), KEPT_BY_A_COMMAND).await?;
    let roster = roster::roster(&engine, !args.no_probe).await?;
    match args.output {
        OutputFormat::Json => output::print(&serde_json::to_string_pretty(&roster)?)?,
        OutputFormat::Ndjson => {
            let lines = roster.accounts.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
            output::print(&lines.join("\n"))?;
        }
        OutputFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for account in &roster.accounts {
                let text = |it: &Option<String>| it.as_deref().map(output::no_formula);
                let (account_name, problem) = (text(&account.account_name), text(&account.problem));
                let organizational_unit = text(&account.organizational_unit);
                writer.serialize(Entry { account_name, organizational_unit, problem, ..account.clone() })?;
            }
            output::print(&String::from_utf8(writer.into_inner()?)?)?;
        }
        OutputFormat::Table | OutputFormat::Summary | OutputFormat::Markdown => {
            let mut table = Table::new();
            let preset = if args.output == OutputFormat::Markdown {
                presets::ASCII_MARKDOWN
            } else {
                presets::UTF8_FULL_CONDENSED
            };
            table.load_style(preset).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(["account", "name", "state", "organizational unit", "reachable", "why not"]);
            for it in &roster.accounts {
                let text = |it: &Option<String>| it.as_deref().map(one_line).unwrap_or_default();
                let reachable = match it.reachable {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "not tried",
                };
                table.add_row([
                    it.account_id.clone(),
                    text(&it.account_name),
                    text(&it.state),
                    text(&it.organizational_unit),
                    reachable.to_owned(),
                    text(&it.problem),
                ]);
            }
            let mut lines: Vec<_> = roster.notes.iter().map(|it| format!("note: {}", one_line(it))).collect();
            lines.push(table.to_string());
            output::print(&lines.join("\n"))?;
        }
    }
    Ok(if roster.complete { COMPLETE } else { INCOMPLETE })
}
