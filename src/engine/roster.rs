//! Who is in the organization, where, in which state, reachable or not.

use std::sync::Arc;

use futures::StreamExt;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Engine, Refused, Source, name_units,
    organization::{self, Member},
};
use crate::aws::{
    Place,
    door::Tally,
    problem::{Class, Problem},
};

/// One account in the list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) account_id: String,
    pub(crate) account_name: Option<String>,
    pub(crate) state: Option<String>,
    /// The names of the organizational units above it, outermost first.
    pub(crate) organizational_unit: Option<String>,
    /// Whether the role could be assumed; `None` where that was not tried.
    pub(crate) reachable: Option<bool>,
    /// Why it is not reachable.
    pub(crate) problem: Option<String>,
}

/// All accounts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Roster {
    pub(crate) accounts: Vec<Entry>,
    /// Whether every active account is listed and, where tried, reachable.
    pub(crate) complete: bool,
    pub(crate) notes: Vec<String>,
}

/// All accounts of the organization, with the names of their organizational units where these may be read.
async fn organized(at: &Place, notes: &mut Vec<String>) -> Result<Vec<Member>, Problem> {
    let mut members = Vec::new();
    organization::members(at, |page| members.extend(page)).await?;
    if let Err(problem) = name_units(at, &mut members).await {
        notes.push(format!("the names of organizational units could not be read ({problem})"));
    }
    Ok(members)
}

/// Lists the accounts and, when asked to probe, assumes the role in each active one.
pub(crate) async fn roster(engine: &Arc<Engine>, probe: bool) -> Result<Roster, Refused> {
    let tally = Arc::new(Tally::new(Decimal::ZERO));
    let caller = engine.caller(&tally).await?.clone();
    let at = engine.scanner_place(&caller.account, &tally, jiff::Timestamp::now());
    let mut notes = Vec::new();
    let mut listed = true;
    let own = Member { id: caller.account.clone(), ..Member::default() };
    let members = match &engine.settings.source {
        Source::Single => vec![own],
        Source::List(accounts) => Member::listed(accounts),
        Source::Organization => match organized(&at, &mut notes).await {
            Ok(members) => members,
            Err(problem) if problem.class == Class::NoOrganization => {
                notes.push(format!("account {} is in no organization", caller.account));
                vec![own]
            }
            Err(problem) if organization::is_out_of_sight(&problem) => {
                notes.push(format!("the accounts of the organization could not be listed ({problem})"));
                listed = false;
                vec![own]
            }
            Err(problem) => return Err(Refused::Accounts(problem)),
        },
    };
    let tried = futures::stream::iter(members).map(|member| {
        let (engine, tally, caller) = (engine, &tally, &caller);
        async move {
            let outcome = if !probe || member.inactive().is_some() {
                None
            } else if member.id == caller.account {
                Some(Ok(0))
            } else {
                let name = format!("orgscan-{}", uuid::Uuid::now_v7());
                Some(engine.session(caller, &member.id, &name, None).ready(&engine.door, tally).await)
            };
            Entry {
                account_id: member.id,
                account_name: member.name,
                state: member.state,
                organizational_unit: member.unit_path,
                reachable: outcome.as_ref().map(Result::is_ok),
                problem: outcome.and_then(Result::err).map(|it| format!("{}: {}", it.class.name(), it.message)),
            }
        }
    });
    let mut accounts: Vec<Entry> = tried.buffer_unordered(engine.settings.concurrency).collect().await;
    accounts.sort_by(|a, b| {
        (&a.organizational_unit, &a.account_name, &a.account_id).cmp(&(
            &b.organizational_unit,
            &b.account_name,
            &b.account_id,
        ))
    });
    let complete = listed && !accounts.iter().any(|it| it.reachable == Some(false));
    Ok(Roster { accounts, complete, notes })
}
