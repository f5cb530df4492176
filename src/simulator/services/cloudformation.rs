//! AWS CloudFormation: the StackSet that brought the role into every account but the management account.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words, members};
use crate::{
    aws::action::CLOUDFORMATION,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        world::{Account, HOME},
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "cloudformation",
    names: &CLOUDFORMATION,
    protocol: Protocol::Query("http://cloudformation.amazonaws.com/doc/2010-05-15/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "ValidationError" },
    is_global: false,
    operations: &[Operation::new("ListStackInstances", list_stack_instances)],
};

/// The name of the StackSet.
const STACK_SET: &str = "orgscan-member-role";

fn list_stack_instances(cx: &Context<'_>) -> Result<Value, Refusal> {
    let call = cx.call;
    let name = call.text("StackSetName").ok_or_else(|| call.invalid("StackSetName is missing"))?;
    if name != STACK_SET || call.region != HOME || call.account != cx.world.scanner().id {
        return Err(call.service.refusal(Denial::Other(
            404,
            "StackSetNotFoundException",
            format!("StackSet {name} not found"),
        )));
    }
    if call.text("CallAs") == Some("DELEGATED_ADMIN") {
        return Err(call.invalid("You must be a delegated administrator to operate as one"));
    }
    let accounts = (1..cx.world.accounts()).map(|it| cx.world.account(it)).collect();
    let most = call.number("MaxResults").unwrap_or(100).min(100);
    let (page, next) = cx.page(accounts, call.text("NextToken"), most)?;
    Ok(json!({"Summaries": members(page.iter().map(instance)), "NextToken": next}))
}

/// The stack of an account; to one that is suspended nothing is brought any more.
fn instance(it: &Account) -> Value {
    let (status, detailed) =
        if it.suspended { ("OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT") } else { ("CURRENT", "SUCCEEDED") };
    json!({
        "StackSetId": format!("{STACK_SET}:5f3f7a3c-0000-4000-8000-000000000000"),
        "Region": HOME,
        "Account": it.id,
        "Status": status,
        "StackInstanceStatus": {"DetailedStatus": detailed},
    })
}
