//! Amazon CloudWatch.

use serde_json::{Value, json};

use super::{Context, Operation, Service, Words};
use crate::{
    aws::action::CLOUDWATCH,
    simulator::{
        answer::{Protocol, Refusal, TIME},
        call::Call,
        world::{DAY, Series, Topic},
    },
};

pub(super) static SERVICE: Service = Service {
    signing: "monitoring",
    names: &CLOUDWATCH,
    protocol: Protocol::Cbor,
    words: Words { throttled: (400, "Throttling"), invalid: "InvalidParameterValue", wrong_token: "InvalidNextToken" },
    is_global: false,
    operations: &[
        Operation {
            work: Some(("GetMetricData.datapoints_older", datapoints)),
            ..Operation::new("GetMetricData", get_metric_data)
        },
        Operation::new("DescribeAlarms", describe_alarms),
    ],
};

/// The most queries in one call.
const QUERIES: usize = 500;
/// The most series on one page: AWS splits an answer as it likes.
const SERIES_PER_PAGE: usize = 250;

fn window(call: &Call) -> (i64, i64) {
    let seconds = |name: &str| call.input.get(name).and_then(Value::as_f64).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let whole = |name: &str| seconds(name).floor() as i64;
    (whole("StartTime"), whole("EndTime"))
}

fn queries(call: &Call) -> &[Value] {
    call.input.get("MetricDataQueries").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The datapoints that a call asks for, whether or not there are any.
fn datapoints(call: &Call) -> u32 {
    let (start, end) = window(call);
    let days = u32::try_from((end - start).div_euclid(DAY) + 1).unwrap_or(1);
    u32::try_from(queries(call).len()).unwrap_or(u32::MAX).saturating_mul(days)
}

fn get_metric_data(cx: &Context<'_>) -> Result<Value, Refusal> {
    let (call, queries) = (cx.call, queries(cx.call));
    if queries.is_empty() || queries.len() > QUERIES {
        return Err(call.invalid(format!("The number of queries is not between 1 and {QUERIES}.")));
    }
    let (start, end) = window(call);
    if start >= end {
        return Err(call.invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    let (page, next) = cx.page(queries.to_vec(), call.text("NextToken"), SERIES_PER_PAGE)?;
    let results = page.iter().map(|it| result(cx, it, start, end)).collect::<Result<Vec<_>, _>>()?;
    Ok(match next {
        Some(next) => json!({"MetricDataResults": results, "NextToken": next}),
        None => json!({"MetricDataResults": results}),
    })
}

/// A series, newest day first, with the days that begin within the time asked for.
fn result(cx: &Context<'_>, query: &Value, start: i64, end: i64) -> Result<Value, Refusal> {
    let asked = &query["MetricStat"];
    let metric = &asked["Metric"];
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let (Some(id), Some(namespace), Some(name)) =
        (text(&query["Id"]), text(&metric["Namespace"]), text(&metric["MetricName"]))
    else {
        return Err(cx.call.invalid("A query without id, namespace or metric."));
    };
    let period = asked["Period"].as_i64().filter(|it| *it > 0).unwrap_or(DAY);
    let dimensions = metric["Dimensions"].as_array().map_or(&[][..], Vec::as_slice);
    let dimensions: Vec<_> = dimensions.iter().filter_map(|it| text(&it["Name"]).zip(text(&it["Value"]))).collect();
    let value = match cx.place().series(&namespace, &name, &dimensions) {
        Series::Silent => None,
        Series::Steady(value) => Some(value),
    };
    let first = start.div_euclid(period) * period;
    let step = usize::try_from(period).unwrap_or(usize::MAX);
    let mut times: Vec<i64> = (first..end).step_by(step).filter(|it| *it >= start && value.is_some()).collect();
    times.reverse();
    let values: Vec<f64> = times.iter().filter_map(|_| value).collect();
    let times: Vec<_> = times.into_iter().map(|it| json!({TIME: it})).collect();
    Ok(json!({"Id": id, "Label": name, "StatusCode": "Complete", "Timestamps": times, "Values": values}))
}

/// The alarms here that tell a topic; there are no others.
fn describe_alarms(cx: &Context<'_>) -> Result<Value, Refusal> {
    let place = cx.place();
    let topics: Vec<_> = place.topics().into_iter().filter(|it| it.has_alarm).collect();
    let most = cx.call.number("MaxRecords").unwrap_or(50).min(100);
    let (page, next) = cx.page(topics, cx.call.text("NextToken"), most)?;
    let alarm = |it: &Topic| {
        let name = format!("tells-{}", it.name);
        json!({
            "AlarmName": name,
            "AlarmArn": place.arn("cloudwatch", &format!("alarm:{name}")),
            "ActionsEnabled": true,
            "AlarmActions": [place.arn("sns", &it.name)],
            "OKActions": [],
            "InsufficientDataActions": [],
            "StateValue": "OK",
        })
    };
    let alarms: Vec<_> = page.iter().map(alarm).collect();
    Ok(match next {
        Some(next) => json!({"MetricAlarms": alarms, "CompositeAlarms": [], "NextToken": next}),
        None => json!({"MetricAlarms": alarms, "CompositeAlarms": []}),
    })
}
