//! What a scan would do, before it does it: calls Organizations only.

use std::{collections::BTreeSet, sync::Arc};

use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Engine, Refused, Source, describe_for,
    organization::{self, Member},
    plan::{Plan, presumed_regions},
    request::Request,
    scan::least_charge,
};
use crate::{
    aws::{door::Tally, metrics::MetricQuery, partition, prices::METRIC_REQUESTED},
    check::{Check, Need},
};

/// Milliseconds that a call is taken to last.
const CALL_MILLISECONDS: f64 = 60.0;
/// `AssumeRole` calls a second that AWS allows the caller
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>, read Oct 2026).
const ASSUMED_EACH_SECOND: f64 = 600.0;

/// What a scan would do, at least.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Preview {
    pub(crate) tools: Vec<String>,
    pub(crate) accounts: usize,
    /// Accounts and regions, accounts, and the payer, as the checks need them.
    pub(crate) targets: usize,
    /// One call for each list in each target, one for each role and each list of regions. Pages come on top.
    pub(crate) least_calls: u64,
    pub(crate) least_seconds: f64,
    /// What is known of the charges, in words.
    pub(crate) charges: String,
    pub(crate) least_charge_usd: f64,
    pub(crate) notes: Vec<String>,
}

impl Preview {
    /// What a request would do.
    pub(crate) async fn of(engine: &Arc<Engine>, request: &Request) -> Result<Self, Refused> {
        let tally = Arc::new(Tally::new(Decimal::ZERO));
        let mut notes = Vec::new();
        let at = engine.scanner_place("caller", &tally, jiff::Timestamp::now());
        let members = match &engine.settings.source {
            Source::Single => vec![Member::default()],
            Source::List(accounts) => Member::listed(accounts),
            Source::Organization => {
                let mut members = Vec::new();
                match organization::members(&at, |page| members.extend(page)).await {
                    Ok(()) => describe_for(&request.selection, &at, &mut members).await?,
                    Err(problem) if organization::is_out_of_sight(&problem) => {
                        notes.push(format!("only the caller's own account would be scanned ({problem})"));
                        members = vec![Member::default()];
                    }
                    Err(problem) => return Err(Refused::Accounts(problem)),
                }
                members
            }
        };
        let members = request.selection.choose(members).map_err(Refused::Selection)?;
        let active = members.iter().filter(|it| it.inactive().is_none()).count();
        if request.selection.regions.is_empty() {
            notes.push(
                "regions are counted as those that every account has; each account is asked for its own".to_owned(),
            );
        }
        let checks: Vec<_> = request.asked.iter().map(|it| it.check).collect();
        let plan = Plan::of(&checks);
        let regions =
            presumed_regions(&request.selection.regions, partition::of_region(engine.configured_region())).len();

        let regional = if plan.regional.is_empty() { 0 } else { active * regions };
        let global = if plan.account.is_empty() { 0 } else { active };
        let payer = usize::from(!plan.payer.is_empty());
        let entered = if plan.enters_accounts() { active } else { 0 };
        let calls = regional * lists(&checks, &plan.regional)
            + global * lists(&checks, &plan.account)
            + payer * lists(&checks, &plan.payer)
            + entered * 2;
        let share = engine.settings.terms.share;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
        let seconds = {
            let width = engine.settings.concurrency as f64;
            (calls as f64 * CALL_MILLISECONDS / 1000.0 / width).max(entered as f64 / (ASSUMED_EACH_SECOND * share))
        };
        Ok(Self {
            tools: checks.iter().map(|it| it.name().to_owned()).collect(),
            accounts: members.len(),
            targets: regional + global + payer,
            least_calls: calls as u64,
            least_seconds: seconds.ceil(),
            charges: charges(&checks, engine.settings.max_charge, least_charge(&request.asked)),
            least_charge_usd: rust_decimal::prelude::ToPrimitive::to_f64(&least_charge(&request.asked))
                .unwrap_or(f64::NAN),
            notes,
        })
    }
}

/// How many different things some checks list.
fn lists(checks: &[&'static Check], of: &[usize]) -> usize {
    let needs: BTreeSet<&str> = of.iter().flat_map(|it| checks[*it].needs).map(|it: &Need| it.name).collect();
    needs.len()
}

fn charges(checks: &[&'static Check], cap: Decimal, least: Decimal) -> String {
    let metrics =
        checks.iter().any(|it| it.needs.iter().any(|it| it.name == <MetricQuery as crate::aws::Declared>::NAME));
    let mut parts = Vec::new();
    if !least.is_zero() {
        parts.push(format!("at least {least} USD for Cost Explorer (each page is charged)"));
    }
    if metrics {
        let thousand = METRIC_REQUESTED.usd * Decimal::ONE_THOUSAND;
        parts.push(format!(
            "{} USD for every 1,000 CloudWatch metrics asked, one or more for each candidate",
            thousand.normalize()
        ));
    }
    if parts.is_empty() { "nothing".to_owned() } else { format!("{}; never more than {cap} USD", parts.join("; ")) }
}
