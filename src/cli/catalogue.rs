//! `orgscan tools`: what there is, what it needs and what it costs.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::{COMPLETE, Failure, OutputFormat, checks_named, output};
use crate::{engine::request, generate};

#[derive(Clone, Debug, Args)]
pub(super) struct ToolsArgs {
    /// Tools or categories; all when absent.
    #[arg(value_name = "TOOL|CATEGORY")]
    names: Vec<String>,

    /// How to print the catalogue.
    #[arg(long, short = 'o', env = "ORGSCAN_OUTPUT", default_value = "table")]
    output: OutputFormat,
}

pub(super) fn tools(args: &ToolsArgs) -> Result<u8, Failure> {
    let checks = checks_named(&args.names)?;
    match args.output {
        OutputFormat::Markdown => output::print(&generate::tools_md(&checks))?,
        OutputFormat::Table | OutputFormat::Summary => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(["category", "tool", "what it does", "runs", "AWS charges"]);
            for check in &checks {
                let charges = generate::charges(check);
                table.add_row([
                    check.category(),
                    check.name(),
                    &check.summary(),
                    generate::scope_words(check),
                    charges.as_deref().unwrap_or("nothing"),
                ]);
            }
            output::print(&table.to_string())?;
        }
        OutputFormat::Json | OutputFormat::Ndjson | OutputFormat::Csv => {
            let rows: Vec<_> = checks
                .iter()
                .map(|it| {
                    let mut actions: Vec<_> = it.actions().iter().map(|it| it.iam()).collect();
                    actions.dedup();
                    json!({
                        "tool": it.name(), "category": it.category(), "title": it.title, "summary": it.summary(),
                        "scope": it.scope, "actions": actions, "charges": generate::charges(it),
                        "parameters": request::own_parameters(it),
                    })
                })
                .collect();
            match args.output {
                OutputFormat::Json => output::print(&serde_json::to_string_pretty(&rows)?)?,
                OutputFormat::Ndjson => {
                    output::print(&rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
                }
                _ => {
                    let mut writer = csv::Writer::from_writer(Vec::new());
                    writer.write_record(["category", "tool", "title", "summary"])?;
                    for check in &checks {
                        writer.write_record([check.category(), check.name(), check.title, &check.summary()])?;
                    }
                    output::print(&String::from_utf8(writer.into_inner()?)?)?;
                }
            }
        }
    }
    Ok(COMPLETE)
}
