//! AWS Cost Explorer.

use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::COST_EXPLORER,
    simulator::{
        answer::{Protocol, Refusal},
        world::Bill,
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "ce",
    names: &COST_EXPLORER,
    protocol: Protocol::Json,
    words: Words {
        throttled: (400, "LimitExceededException"),
        invalid: "ValidationException",
        wrong_token: "InvalidNextTokenException",
    },
    is_global: true,
    operations: &[Operation::new("GetCostAndUsage", get_cost_and_usage)],
};

/// How many groups are on a page.
const GROUPS_PER_PAGE: usize = 5000;

/// One line of the answer: the month it belongs to, and what was billed.
struct Line {
    start: Date,
    end: Date,
    bill: Bill,
}

fn get_cost_and_usage(cx: &Context<'_>) -> Result<Value, Refusal> {
    let call = cx.call;
    let date = |name: &str| {
        let text = call.input["TimePeriod"][name].as_str().unwrap_or_default();
        text.parse::<Date>().map_err(|_| call.invalid(format!("{name} is not a day")))
    };
    let (start, end) = (date("Start")?, date("End")?);
    if start >= end {
        return Err(call.invalid("Start date should be before end date"));
    }
    let metric = call.input["Metrics"][0].as_str().ok_or_else(|| call.invalid("Metrics is missing"))?;
    let keys: Vec<&str> =
        call.input["GroupBy"].as_array().into_iter().flatten().filter_map(|it| it["Key"].as_str()).collect();
    if keys != ["LINKED_ACCOUNT", "SERVICE"] || call.input["Granularity"] != "MONTHLY" {
        return Err(call.invalid("the simulator groups by LINKED_ACCOUNT and SERVICE, and by the month"));
    }
    let (page, next) = cx.page(lines(cx, start, end), call.text("NextPageToken"), GROUPS_PER_PAGE)?;
    let mut months: Vec<(Date, Date, Vec<Value>)> = Vec::new();
    for line in page {
        let group = json!({
            "Keys": [line.bill.account, line.bill.service],
            "Metrics": {metric: {"Amount": line.bill.amount.to_string(), "Unit": "USD"}},
        });
        match months.last_mut().filter(|it| it.0 == line.start) {
            Some((_, _, groups)) => groups.push(group),
            None => months.push((line.start, line.end, vec![group])),
        }
    }
    let month = |(start, end, groups): (Date, Date, Vec<Value>)| {
        json!({"TimePeriod": {"Start": start.to_string(), "End": end.to_string()}, "Total": {}, "Groups": groups,
            "Estimated": false})
    };
    let results: Vec<_> = months.into_iter().map(month).collect();
    Ok(json!({"ResultsByTime": results, "DimensionValueAttributes": [], "NextPageToken": next}))
}

fn lines(cx: &Context<'_>, start: Date, end: Date) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut from = start;
    while from < end {
        let next = from.first_of_month().checked_add(1.month()).map_or(end, |it| it.min(end));
        let bills = cx.world.bills(&from.first_of_month().to_string());
        lines.extend(bills.into_iter().map(|bill| Line { start: from, end: next, bill }));
        from = next;
    }
    lines
}
