//! `orgscan doctor` as a tool: tries every account and tells what does not work, with its fix.

use std::{sync::Arc, time::Duration};

use rmcp::model::{CallToolResult, JsonObject, Tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    reply,
    tools::{annotations, outlined, schema_of_answer},
};
use crate::{
    check::Check,
    engine::{
        Engine,
        course::Running,
        diagnosis::Diagnosis,
        doctor::{Examination, Rollout, Visit},
        request::{self, Format, Shared},
    },
};

/// The name of the tool.
pub(crate) const NAME: &str = "doctor";

const DOCS: &str = "\
Tries every account of the organization and tells what does not work, with the fix for each.

Use it when coverage is incomplete, or before a first scan. It tells which accounts cannot be entered (role missing, trust or external \
id wrong, the StackSet's own reason), which actions are denied by the role or by a service control policy and which tools that \
costs, which services are off (Cost Explorer, Cost Optimization Hub, Compute Optimizer), and which roles were made from an older \
template. Each action is asked once in each account, for one page, in one region; nothing is changed. `in_order` is null while not all \
accounts were tried.";

/// What the tool takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    /// The tools or categories whose actions are tried. All when absent.
    tools: Vec<String>,
    /// Which accounts: ids, name patterns (web-*), ou:NAME or ou:PATH/OF/NAMES, tag:KEY=VALUE. All when absent.
    accounts: Vec<String>,
    /// Which accounts to leave out, named in the same ways.
    exclude_accounts: Vec<String>,
    /// In which regions to try. One when absent, that of the scanner.
    regions: Vec<String>,
    /// Whether to try what AWS charges for as well: a page of Cost Explorer, and one metric in each account.
    paid: bool,
    /// The `next_cursor` of an earlier answer: reads on in that trial.
    cursor: Option<String>,
    /// How the text of the answer is written.
    format: Format,
    /// After how many seconds to answer with what has been seen so far.
    #[schemars(range(min = 1, max = 3600))]
    deadline_seconds: Option<i64>,
}

/// What somebody asks of the doctor.
pub(super) struct Asked {
    arguments: Arguments,
}

/// The tool exactly as a client sees it.
pub(crate) fn tool() -> Tool {
    Tool::new(NAME, DOCS, Arc::new(request::schema_for::<Arguments>()))
        .with_title("What keeps orgscan from seeing everything")
        .with_raw_output_schema(Arc::new(outlined(&diagnosis_schema())))
        .with_annotations(annotations())
}

/// The whole JSON Schema of what is answered.
pub(crate) fn diagnosis_schema() -> JsonObject {
    schema_of_answer::<Diagnosis>()
}

/// Reads what is asked. An error is one sentence for the caller.
pub(super) fn read(arguments: JsonObject) -> Result<Asked, String> {
    let arguments = request::admitted(NAME, &request::schema_for::<Arguments>(), arguments)?;
    let arguments = serde_json::from_value(Value::Object(arguments)).map_err(|it| it.to_string())?;
    Ok(Asked { arguments })
}

impl Asked {
    /// The trial that is meant: that of a cursor, or a new one.
    pub(super) fn examination(&self, engine: &Arc<Engine>, rollout: &Rollout) -> Result<Arc<Examination>, String> {
        match &self.arguments.cursor {
            Some(cursor) => engine.examination(cursor).ok_or_else(|| {
                format!(
                    "'{}' is not a cursor of this tool, or is no longer kept; ask again without one",
                    cursor.escape_debug()
                )
            }),
            None => Ok(engine.examine(self.visit(engine, rollout)?)),
        }
    }

    fn visit(&self, engine: &Engine, rollout: &Rollout) -> Result<Visit, String> {
        let asked = &self.arguments;
        let shared = self.shared();
        Ok(Visit {
            checks: checks_named(&engine.checks, &asked.tools)?,
            selection: shared.selection()?,
            paid: asked.paid,
            rollout: rollout.clone(),
        })
    }

    fn shared(&self) -> Shared {
        let asked = &self.arguments;
        Shared {
            accounts: asked.accounts.clone(),
            exclude_accounts: asked.exclude_accounts.clone(),
            regions: asked.regions.clone(),
            deadline_seconds: asked.deadline_seconds,
            ..Shared::default()
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.shared().deadline()
    }

    /// The answer as of now.
    pub(super) fn answer(&self, examination: &Examination) -> CallToolResult {
        let over = examination.course().is_over();
        match examination.diagnosis() {
            Ok(diagnosis) => reply::diagnosis(diagnosis, over, self.arguments.format),
            Err(refused) => reply::refusal(&refused.to_string()),
        }
    }
}

/// The checks that names of tools and categories mean; all when nothing is named.
fn checks_named(checks: &[&'static Check], names: &[String]) -> Result<Vec<&'static Check>, String> {
    if let Some(unknown) = names.iter().find(|name| !checks.iter().any(|it| it.is_meant_by(name))) {
        let known: Vec<_> = checks.iter().map(|it| it.name()).collect();
        return Err(format!("unknown tool or category '{}'; tools are {}", unknown.escape_debug(), known.join(", ")));
    }
    let meant = checks.iter().filter(|it| names.is_empty() || names.iter().any(|name| it.is_meant_by(name)));
    Ok(meant.copied().collect())
}
