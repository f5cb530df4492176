//! AWS Organizations, as the management account sees it.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::ORGANIZATIONS,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        credentials::session_arn,
        world::{Account, ORGANIZATION, ROOT, UNITS},
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "organizations",
    names: &ORGANIZATIONS,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "TooManyRequestsException"),
        invalid: "InvalidInputException",
        wrong_token: "InvalidInputException",
    },
    is_global: true,
    operations: &[
        Operation::new("DescribeOrganization", describe_organization),
        Operation::new("ListAccounts", list_accounts),
        Operation::new("ListRoots", list_roots),
        Operation::new("ListOrganizationalUnitsForParent", list_units),
        Operation::new("ListTagsForResource", list_tags),
    ],
};

/// The most accounts on a page.
const ACCOUNTS_PER_PAGE: usize = 20;

/// Only the management account may ask.
fn of_management(cx: &Context<'_>) -> Result<(), Refusal> {
    if cx.call.account == cx.world.scanner().id {
        return Ok(());
    }
    let caller = session_arn(&cx.call.account, "orgscan");
    let reason = "because the account is not the management account of the organization".to_owned();
    Err(cx.call.service.refusal(Denial::NotAllowed { caller, action: cx.call.action(), reason }))
}

fn describe_organization(cx: &Context<'_>) -> Result<Value, Refusal> {
    of_management(cx)?;
    let account = cx.world.scanner().id;
    Ok(json!({"Organization": {
        "Id": ORGANIZATION,
        "Arn": format!("arn:aws:organizations::{account}:organization/{ORGANIZATION}"),
        "FeatureSet": "ALL",
        "MasterAccountId": account,
        "MasterAccountArn": format!("arn:aws:organizations::{account}:account/{ORGANIZATION}/{account}"),
        "MasterAccountEmail": "aws@example.com",
    }}))
}

fn list_accounts(cx: &Context<'_>) -> Result<Value, Refusal> {
    of_management(cx)?;
    let most = cx.call.number("MaxResults").unwrap_or(ACCOUNTS_PER_PAGE).min(ACCOUNTS_PER_PAGE);
    let numbers: Vec<usize> = (0..cx.world.accounts()).collect();
    let (numbers, next) = cx.page(numbers, cx.call.text("NextToken"), most)?;
    let accounts: Vec<_> =
        numbers.into_iter().map(|it| account(&cx.world.account(it), &cx.world.scanner().id)).collect();
    Ok(json!({"Accounts": accounts, "NextToken": next}))
}

fn account(it: &Account, management: &str) -> Value {
    let state = if it.suspended { "SUSPENDED" } else { "ACTIVE" };
    let unit = it.unit.map_or_else(String::new, |unit| format!("{}/", UNITS[unit].0));
    json!({
        "Id": it.id,
        "Arn": format!("arn:aws:organizations::{management}:account/{ORGANIZATION}/{}", it.id),
        "Name": it.name,
        "Email": format!("{}@example.com", it.name),
        "State": state,
        "Status": state,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": 1_600_000_000,
        "Paths": [format!("{ORGANIZATION}/{ROOT}/{unit}{}/", it.id)],
    })
}

fn list_roots(cx: &Context<'_>) -> Result<Value, Refusal> {
    of_management(cx)?;
    Ok(json!({"Roots": [{"Id": ROOT, "Name": "Root", "PolicyTypes": []}]}))
}

fn list_units(cx: &Context<'_>) -> Result<Value, Refusal> {
    of_management(cx)?;
    let units = if cx.call.text("ParentId") == Some(ROOT) { UNITS.to_vec() } else { Vec::new() };
    let (units, next) = cx.page(units, cx.call.text("NextToken"), 20)?;
    let units: Vec<_> = units.into_iter().map(|(id, name, _)| json!({"Id": id, "Name": name})).collect();
    Ok(json!({"OrganizationalUnits": units, "NextToken": next}))
}

fn list_tags(cx: &Context<'_>) -> Result<Value, Refusal> {
    of_management(cx)?;
    let id = cx.call.text("ResourceId").unwrap_or_default();
    let account = cx.world.account_of(id).ok_or_else(|| {
        let text = "You specified a target that does not exist.".to_owned();
        cx.call.service.refusal(Denial::Other(400, "TargetNotFoundException", text))
    })?;
    let team = account.name.split('-').next().unwrap_or_default();
    Ok(json!({"Tags": [{"Key": "team", "Value": team}]}))
}
