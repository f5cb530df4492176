//! CloudWatch metrics, in batches, for many resources at once.

use std::collections::HashMap;

use aws_sdk_cloudwatch::types::{Dimension, Metric as SdkMetric, MetricDataQuery, MetricStat, StatusCode};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{
    Declared, Place, Question,
    action::{Action, CLOUDWATCH},
    pace::Keys,
    prices::METRIC_REQUESTED,
    problem::{Class, Problem},
};

static GET_METRIC_DATA: Action = Action::new(&CLOUDWATCH, "GetMetricData");

/// The most queries in one call
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>, read Oct 2026).
const QUERIES_PER_CALL: usize = 500;
/// The most datapoints in one call (same page).
const DATAPOINTS_PER_CALL: usize = 100_800;
/// Seconds in the period of every query: a day, the fewest datapoints.
const PERIOD_SECONDS: i32 = 86_400;

/// How a day's datapoints are put together, and then the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Statistic {
    /// The sum over all days.
    Sum,
    /// The highest value on any day.
    Maximum,
    /// The value of the newest day that has one.
    Latest,
}

/// One statistic of one metric over the last days, for many resources.
///
/// CloudWatch matches the whole set of dimensions, never a part of it.
#[derive(Clone, Debug)]
pub(crate) struct MetricQuery {
    /// For example `AWS/Lambda`.
    pub(crate) namespace: &'static str,
    /// For example `Invocations`.
    pub(crate) metric: &'static str,
    pub(crate) statistic: Statistic,
    /// How many days back from now.
    pub(crate) days: i64,
    /// The region that has the metrics, where it is not that of the target.
    pub(crate) region: Option<String>,
    /// The dimensions of each resource, in the order of the readings.
    pub(crate) series: Vec<Vec<(&'static str, String)>>,
}

/// What CloudWatch says of one resource. A value, zero and no data are three different answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading {
    /// There is data and it is not zero.
    Value(f64),
    /// There is data and all of it is zero.
    Zero,
    /// There is no datapoint in the time asked for.
    NoData,
    /// CloudWatch could not say. The reason is noted as a problem.
    Unknown,
}

impl Declared for MetricQuery {
    const NAME: &'static str = "metrics::MetricQuery";
    const ACTIONS: &'static [&'static Action] = &[&GET_METRIC_DATA];
}

impl Question for MetricQuery {
    /// One reading for each series, in the same order.
    type Answer = Vec<Reading>;

    fn items(&self, answer: &Vec<Reading>) -> usize {
        answer.len()
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Reading>, Problem> {
        let there = at.in_region(self.region.as_deref().unwrap_or(&at.at.region));
        let mut readings = Vec::with_capacity(self.series.len());
        let days = usize::try_from(self.days.max(1)).unwrap_or(1);
        let batch = QUERIES_PER_CALL.min(DATAPOINTS_PER_CALL / (days + 1)).max(1);
        for series in self.series.chunks(batch) {
            readings.extend(self.batch(&there, series).await?);
        }
        at.note_all(&there);
        Ok(readings)
    }
}

/// What has been read of one series so far.
#[derive(Clone, Copy, Debug, Default)]
struct Partial {
    value: Option<f64>,
    newest: Option<i64>,
    failed: bool,
    answered: bool,
}

impl MetricQuery {
    async fn batch(&self, at: &Place, series: &[Vec<(&'static str, String)>]) -> Result<Vec<Reading>, Problem> {
        let end = at.now();
        let start = end - SignedDuration::from_hours(24 * self.days);
        let queries: Vec<_> = series.iter().enumerate().map(|(index, it)| self.query(index, it)).collect();
        let points =
            u32::try_from(series.len()).unwrap_or(u32::MAX).saturating_mul(u32::try_from(self.days).unwrap_or(1));
        let charge = METRIC_REQUESTED.usd * Decimal::from(series.len());
        let keys = Keys::new(&at.at.account, &at.at.region);

        let mut partials = vec![Partial::default(); series.len()];
        let mut reserved = Some(at.tally.reserve(&GET_METRIC_DATA, charge)?);
        at.door.pace.work(CLOUDWATCH.limits, "GetMetricData.datapoints_older", points, &keys, at.tally.slow()).await;
        let mut unreadable = None;
        let send = |token| {
            at.cloudwatch()
                .get_metric_data()
                .start_time(sdk_time(start))
                .end_time(sdk_time(end))
                .set_metric_data_queries(Some(queries.clone()))
                .set_next_token(token)
                .send()
        };
        at.pages(&GET_METRIC_DATA, send, |page| {
            if let Some(first) = reserved.take() {
                first.spend();
            }
            for result in page.metric_data_results() {
                let index = result.id().and_then(|it| it.strip_prefix('m')).and_then(|it| it.parse::<usize>().ok());
                match index.and_then(|it| partials.get_mut(it)) {
                    Some(partial) => self.take(partial, result),
                    None => unreadable = Some(format!("an answer to a question that was not asked: {:?}", result.id())),
                }
            }
            page.next_token().map(str::to_owned)
        })
        .await?;
        if let Some(text) = unreadable {
            return Err(Problem::new(Class::InvalidExchange, &GET_METRIC_DATA, text));
        }
        Ok(partials.iter().zip(series).map(|(partial, it)| self.reading(partial, it, at)).collect())
    }

    fn query(&self, index: usize, series: &[(&'static str, String)]) -> MetricDataQuery {
        let dimensions = series.iter().map(|(name, value)| Dimension::builder().name(*name).value(value).build());
        let metric = SdkMetric::builder()
            .namespace(self.namespace)
            .metric_name(self.metric)
            .set_dimensions(Some(dimensions.collect()))
            .build();
        let stat = match self.statistic {
            Statistic::Sum => "Sum",
            Statistic::Maximum => "Maximum",
            Statistic::Latest => "Average",
        };
        let stat = MetricStat::builder().metric(metric).period(PERIOD_SECONDS).stat(stat).build();
        MetricDataQuery::builder().id(format!("m{index}")).metric_stat(stat).return_data(true).build()
    }

    fn take(&self, partial: &mut Partial, result: &aws_sdk_cloudwatch::types::MetricDataResult) {
        partial.answered = true;
        partial.failed |= matches!(result.status_code(), Some(StatusCode::InternalError | StatusCode::Forbidden));
        for (time, value) in result.timestamps().iter().zip(result.values()) {
            let held = partial.value;
            partial.value = Some(match self.statistic {
                Statistic::Sum => held.unwrap_or(0.0) + value,
                Statistic::Maximum => held.map_or(*value, |it| it.max(*value)),
                Statistic::Latest if partial.newest.is_none_or(|it| it <= time.secs()) => *value,
                Statistic::Latest => held.unwrap_or(*value),
            });
            partial.newest = partial.newest.max(Some(time.secs()));
        }
    }

    fn reading(&self, partial: &Partial, series: &[(&'static str, String)], at: &Place) -> Reading {
        if partial.failed || !partial.answered {
            let of: Vec<_> = series.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let text =
                format!("CloudWatch gave no complete answer for {} {} {}", self.namespace, self.metric, of.join(","));
            at.note(Problem::new(Class::ServiceError, &GET_METRIC_DATA, text));
            return Reading::Unknown;
        }
        match partial.value {
            None => Reading::NoData,
            Some(value) if value == 0.0 => Reading::Zero,
            Some(value) => Reading::Value(value),
        }
    }
}

fn sdk_time(time: Timestamp) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_secs(time.as_second())
}

/// Readings by the key that each series was asked for.
pub(crate) fn by_key<K: std::hash::Hash + Eq + Clone>(keys: &[K], readings: &[Reading]) -> HashMap<K, Reading> {
    keys.iter().cloned().zip(readings.iter().copied()).collect()
}
