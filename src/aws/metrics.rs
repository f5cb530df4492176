//! CloudWatch metrics, in batches, for many resources at once.

use aws_sdk_cloudwatch::types::{Dimension, Metric as SdkMetric, MetricDataQuery, MetricStat, StatusCode};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
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
/// How many days at the beginning are looked at for the earliest value: daily metrics may miss a day or two.
const EARLIEST_DAYS: i64 = 3;

/// How a day's datapoints are put together, and then the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Statistic {
    /// The sum over all days.
    Sum,
    /// The highest value on any day.
    Maximum,
    /// The value of the newest day that has one.
    Latest,
    /// The value at the beginning: that of the oldest of the first [`EARLIEST_DAYS`] days that has one.
    Earliest,
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

impl Reading {
    /// Whether nothing happened, of metrics that AWS sends only while something does: there silence means none as well. An
    /// unknown reading is no proof.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::NoData | Self::Zero)
    }
}

impl Declared for MetricQuery {
    const NAME: &'static str = "metrics::MetricQuery";
    const ACTIONS: &'static [&'static Action] = &[&GET_METRIC_DATA];
}

impl Question for MetricQuery {
    /// One reading for each series, in the same order.
    type Answer = Vec<Reading>;

    fn bytes(&self, answer: &Vec<Reading>) -> usize {
        answer.len() * size_of::<Reading>()
    }

    async fn ask(&self, at: &Place) -> Result<Vec<Reading>, Problem> {
        let there = at.in_region(self.region.as_deref().unwrap_or(&at.at.region));
        if let Some(trial) = at.trial() {
            // One metric shows whether metrics may be asked for. What they read decides what the checks ask next.
            for series in self.series.chunks(1).take(1) {
                drop(self.batch(&there, series).await);
            }
            return Ok(vec![trial.reading(); self.series.len()]);
        }
        let mut readings = Vec::with_capacity(self.series.len());
        let points = usize::try_from(self.points_of_one()).unwrap_or(usize::MAX);
        let batch = QUERIES_PER_CALL.min(DATAPOINTS_PER_CALL / points).max(1);
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
    /// The time of `value`, where one day's is kept.
    moment: Option<i64>,
    failed: bool,
    /// Whether the last page that spoke of the series said that nothing is missing.
    complete: bool,
}

impl MetricQuery {
    /// Start and end, in seconds. The start is a midnight (UTC), so that the first day is counted as a whole and the days
    /// of every scan are the same.
    fn window(&self, now: Timestamp) -> (i64, i64) {
        let day = i64::from(PERIOD_SECONDS);
        let start = (now.as_second().div_euclid(day) - self.days) * day;
        match self.statistic {
            Statistic::Earliest => (start, (start + EARLIEST_DAYS * day).min(now.as_second())),
            Statistic::Sum | Statistic::Maximum | Statistic::Latest => (start, now.as_second()),
        }
    }

    /// The most datapoints of one series: one for each day, today included.
    fn points_of_one(&self) -> u32 {
        let days = match self.statistic {
            Statistic::Earliest => EARLIEST_DAYS,
            Statistic::Sum | Statistic::Maximum | Statistic::Latest => self.days.max(0) + 1,
        };
        u32::try_from(days).unwrap_or(u32::MAX)
    }

    async fn batch(&self, at: &Place, series: &[Vec<(&'static str, String)>]) -> Result<Vec<Reading>, Problem> {
        let (start, end) = self.window(at.now());
        let queries: Vec<_> = series.iter().enumerate().map(|(index, it)| self.query(index, it)).collect();
        let points = u32::try_from(series.len()).unwrap_or(u32::MAX).saturating_mul(self.points_of_one());
        let charge = METRIC_REQUESTED.usd * Decimal::from(series.len());
        let keys = Keys::new(&at.at.account, &at.at.region);

        let mut partials = vec![Partial::default(); series.len()];
        let mut reserved = Some(at.tally.reserve(&GET_METRIC_DATA, charge)?);
        at.door.pace.work(CLOUDWATCH.limits, "GetMetricData.datapoints_older", points, &keys, at.tally.slow()).await;
        let mut unreadable = None;
        let send = |token| {
            at.cloudwatch()
                .get_metric_data()
                .start_time(DateTime::from_secs(start))
                .end_time(DateTime::from_secs(end))
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
            Statistic::Latest | Statistic::Earliest => "Average",
        };
        let stat = MetricStat::builder().metric(metric).period(PERIOD_SECONDS).stat(stat).build();
        MetricDataQuery::builder().id(format!("m{index}")).metric_stat(stat).return_data(true).build()
    }

    fn take(&self, partial: &mut Partial, result: &aws_sdk_cloudwatch::types::MetricDataResult) {
        let status = result.status_code();
        partial.failed |= matches!(status, Some(StatusCode::InternalError | StatusCode::Forbidden));
        partial.complete = status == Some(&StatusCode::Complete);
        for (time, value) in result.timestamps().iter().zip(result.values()) {
            let moment = time.secs();
            partial.value = Some(match (self.statistic, partial.value) {
                (Statistic::Sum, Some(held)) => held + value,
                (Statistic::Maximum, Some(held)) => held.max(*value),
                (Statistic::Latest, Some(held)) if partial.moment.is_some_and(|it| moment < it) => held,
                (Statistic::Earliest, Some(held)) if partial.moment.is_some_and(|it| moment > it) => held,
                _ => {
                    partial.moment = Some(moment);
                    *value
                }
            });
        }
    }

    fn reading(&self, partial: &Partial, series: &[(&'static str, String)], at: &Place) -> Reading {
        if partial.failed || !partial.complete {
            let of: Vec<_> = series.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let text =
                format!("CloudWatch gave no complete answer for {} {} {}", self.namespace, self.metric, of.join(","));
            at.note(Problem::new(Class::ServiceError, &GET_METRIC_DATA, text));
            return Reading::Unknown;
        }
        match partial.value {
            None => Reading::NoData,
            Some(0.0) => Reading::Zero,
            Some(value) => Reading::Value(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::replies::{Reply, answered},
        check::testing::now,
    };
    use aws_smithy_cbor::Encoder;

    fn query(statistic: Statistic, series: usize) -> MetricQuery {
        let series = (0..series).map(|it| vec![("FunctionName", format!("function-{it}"))]).collect();
        MetricQuery { namespace: "AWS/Lambda", metric: "Invocations", statistic, days: 90, region: None, series }
    }

    /// The id and status of a series, and its datapoints: days ago and value.
    type Series<'a> = (&'a str, &'a str, &'a [(i64, f64)]);

    /// A page as CloudWatch answers it, with the token of the next page.
    fn page(asked: &'static str, results: &[Series<'_>], token: Option<&str>) -> Reply {
        let mut body = Encoder::new(Vec::new());
        body.begin_map().str("MetricDataResults").array(results.len());
        for (id, status, points) in results {
            body.map(4).str("Id").str(id).str("StatusCode").str(status);
            body.str("Timestamps").array(points.len());
            for (days, _) in *points {
                body.timestamp(&DateTime::from_secs(now().as_second() - days * i64::from(PERIOD_SECONDS)));
            }
            body.str("Values").array(points.len());
            for (_, value) in *points {
                body.double(*value);
            }
        }
        if let Some(token) = token {
            body.str("NextToken").str(token);
        }
        body.end();
        Reply::ok(asked, body.into_writer()).header("smithy-protocol", "rpc-v2-cbor")
    }

    const ASKED: &str = "operation/GetMetricData";

    async fn readings(query: MetricQuery, replies: Vec<Reply>) -> Vec<Reading> {
        let (answer, problems) = answered(query, replies).await;
        assert_eq!(problems, []);
        answer.expect("answered")
    }

    #[tokio::test]
    async fn a_value_zero_and_no_data_are_three_answers() {
        let reply = page(
            ASKED,
            &[("m0", "Complete", &[(1, 2.0), (9, 3.0)]), ("m1", "Complete", &[(1, 0.0)]), ("m2", "Complete", &[])],
            None,
        );
        let readings = readings(query(Statistic::Sum, 3), vec![reply]).await;
        assert_eq!(readings, [Reading::Value(5.0), Reading::Zero, Reading::NoData]);
    }

    #[tokio::test]
    async fn a_series_may_be_split_over_pages_and_come_in_any_order() {
        let replies = vec![
            page(ASKED, &[("m1", "PartialData", &[(1, 1.0)]), ("m0", "Complete", &[(1, 7.0)])], Some("t1")),
            page("t1", &[], Some("t2")),
            page("t2", &[("m1", "Complete", &[(2, 4.0)])], None),
        ];
        let readings = readings(query(Statistic::Sum, 2), replies).await;
        assert_eq!(readings, [Reading::Value(7.0), Reading::Value(5.0)]);
    }

    #[tokio::test]
    async fn a_series_that_stays_partial_fails_or_is_not_spoken_of_is_unknown() {
        let results: &[Series<'_>] = &[
            ("m0", "PartialData", &[]),
            ("m1", "InternalError", &[]),
            ("m2", "Forbidden", &[]),
            ("m4", "Complete", &[(1, 1.0)]),
        ];
        let (answer, problems) = answered(query(Statistic::Sum, 5), vec![page(ASKED, results, None)]).await;
        let unknown = Reading::Unknown;
        assert_eq!(answer.expect("answered"), [unknown, unknown, unknown, unknown, Reading::Value(1.0)]);
        let messages: Vec<_> = problems.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(messages.len(), 4);
        assert_eq!(
            messages[3],
            "CloudWatch gave no complete answer for AWS/Lambda Invocations FunctionName=function-3"
        );
        assert!(problems.iter().all(|it| it.class == Class::ServiceError));
    }

    #[tokio::test]
    async fn an_error_on_one_page_is_not_made_good_by_the_next() {
        let replies = vec![
            page(ASKED, &[("m0", "InternalError", &[])], Some("t1")),
            page("t1", &[("m0", "Complete", &[])], None),
        ];
        let (answer, problems) = answered(query(Statistic::Sum, 1), replies).await;
        assert_eq!((answer.expect("answered"), problems.len()), (vec![Reading::Unknown], 1));
    }

    #[tokio::test]
    async fn the_highest_the_newest_and_the_oldest_day_are_told_apart() {
        let points: &[(i64, f64)] = &[(2, 5.0), (1, 3.0), (3, 4.0)];
        for (statistic, value) in [(Statistic::Maximum, 5.0), (Statistic::Latest, 3.0), (Statistic::Earliest, 4.0)] {
            let replies = vec![page(ASKED, &[("m0", "Complete", points)], None)];
            assert_eq!(readings(query(statistic, 1), replies).await, [Reading::Value(value)], "{statistic:?}");
        }
    }

    #[tokio::test]
    async fn more_series_than_one_call_takes_are_read_in_order() {
        let ids: Vec<String> = (0..500).map(|it| format!("m{it}")).collect();
        let first: Vec<_> = ids.iter().map(|it| (it.as_str(), "Complete", &[(1, 1.0)][..])).collect();
        let replies =
            vec![page("function-499", &first, None), page("function-500", &[("m0", "Complete", &[(1, 2.0)])], None)];
        let readings = readings(query(Statistic::Sum, 501), replies).await;
        assert_eq!(readings.len(), 501);
        assert_eq!(readings[499..], [Reading::Value(1.0), Reading::Value(2.0)]);
    }

    #[tokio::test]
    async fn no_series_need_no_call() {
        assert_eq!(readings(query(Statistic::Sum, 0), Vec::new()).await, []);
    }

    #[tokio::test]
    async fn an_answer_to_another_question_is_a_problem() {
        for id in ["m1", "x"] {
            let reply = page(ASKED, &[(id, "Complete", &[])], None);
            let problem = answered(query(Statistic::Sum, 1), vec![reply]).await.0.expect_err("not asked");
            assert_eq!(problem.class, Class::InvalidExchange);
        }
    }

    #[tokio::test]
    async fn a_denied_metric_is_a_problem_and_not_silence() {
        let mut body = Encoder::new(Vec::new());
        body.map(2).str("__type").str("com.amazonaws.cloudwatch#AccessDenied");
        body.str("message").str("no identity-based policy allows it");
        let reply = Reply::ok(ASKED, body.into_writer()).status(403).header("smithy-protocol", "rpc-v2-cbor");
        let problem = answered(query(Statistic::Sum, 1), vec![reply]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "cloudwatch:GetMetricData"));
    }

    #[test]
    fn whole_days_are_asked_for() {
        let window = |statistic| {
            let (start, end) = query(statistic, 1).window(now());
            (Timestamp::from_second(start).expect("a time"), Timestamp::from_second(end).expect("a time"))
        };
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        assert_eq!(window(Statistic::Sum), (time("2026-08-24T00:00:00Z"), now()));
        assert_eq!(window(Statistic::Earliest), (time("2026-08-24T00:00:00Z"), time("2026-08-27T00:00:00Z")));
    }

    #[tokio::test]
    async fn the_region_of_the_metrics_is_the_one_asked() {
        let query = MetricQuery { region: Some("us-east-1".to_owned()), ..query(Statistic::Sum, 1) };
        let reply = page("monitoring.us-east-1.", &[("m0", "Complete", &[])], None);
        assert_eq!(readings(query, vec![reply]).await, [Reading::NoData]);
    }
}
