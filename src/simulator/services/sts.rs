//! AWS Security Token Service.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::STS,
    simulator::{
        answer::{Denial, Protocol, Refusal},
        credentials::{self, ROLE, session_arn, user_arn},
    },
};

pub(in crate::simulator) static SERVICE: Service = Service {
    signing: "sts",
    names: &STS,
    protocol: Protocol::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
    words: Words { throttled: (400, "Throttling"), invalid: "ValidationError", wrong_token: "ValidationError" },
    is_global: false,
    operations: &[Operation::new("AssumeRole", assume_role), Operation::new("GetCallerIdentity", caller)],
};

fn assume_role(cx: &Context<'_>) -> Result<Value, Refusal> {
    let call = cx.call;
    let arn = call.text("RoleArn").ok_or_else(|| call.invalid("RoleArn is missing"))?;
    let session = call.text("RoleSessionName").ok_or_else(|| call.invalid("RoleSessionName is missing"))?;
    let seconds = call.number("DurationSeconds").unwrap_or(3600);
    if !(900..=43_200).contains(&seconds) {
        return Err(call.invalid("DurationSeconds is not between 900 and 43200"));
    }
    if call.text("Policy").is_some_and(|it| it.len() > 2048) {
        return Err(call.invalid("Policy has more than 2048 characters"));
    }
    let account = arn.split(':').nth(4).unwrap_or_default();
    let known = cx.world.account_of(account).filter(|it| !it.suspended);
    if known.is_none() || !arn.ends_with(&format!(":role/{ROLE}")) {
        let caller = user_arn(&call.account);
        let (action, reason) = ("sts:AssumeRole".to_owned(), format!("on resource: {arn}"));
        return Err(call.service.refusal(Denial::NotAllowed { caller, action, reason }));
    }
    let end = Timestamp::now().as_second() + i64::try_from(seconds).unwrap_or(3600);
    let issued = credentials::issue(cx.world, account, end);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": issued.access_key,
            "SecretAccessKey": issued.secret,
            "SessionToken": issued.token,
            "Expiration": Timestamp::from_second(issued.end).unwrap_or_default().to_string(),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("AROASIMULATED:{session}"),
            "Arn": session_arn(account, session),
        },
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "what every operation returns")]
fn caller(cx: &Context<'_>) -> Result<Value, Refusal> {
    let account = &cx.call.account;
    let is_user = *account == cx.world.scanner().id;
    let arn = if is_user { user_arn(account) } else { session_arn(account, "orgscan") };
    Ok(json!({"Account": account, "Arn": arn, "UserId": "AIDASIMULATED"}))
}
