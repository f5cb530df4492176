//! Instances that are stopped for long, or run and do nothing.

use crate::{
    aws::{
        ec2::{Address, Instance, Volume},
        metrics::{MetricQuery, Reading, Statistic},
        prices::{self, PUBLIC_IPV4, Quote},
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds EC2 instances that have been stopped for long, and running ones without any activity.
    ///
    /// A stopped instance costs nothing by itself; its volumes and Elastic IP addresses are billed on, and that is what is
    /// saved when it is terminated and they are deleted. A running one is billed by the hour or second: what its type costs is
    /// not in the price table, so only its volumes and addresses are counted, as a lower bound. Idle means what AWS Compute
    /// Optimizer calls so: no day's peak of CPU above the threshold, and less than 5 MB of network traffic a day. Instances of
    /// Auto Scaling groups and of AWS services are left out, warm pools among them; so is a stopped one whose tags say that
    /// it stands by, and one that AWS does not say when it stopped. Fine to ignore for a jump host, a licence server or a
    /// standby that no tag tells.
    title: "Unused EC2 instances",
    scope: Regional,
    needs: [Instance, Volume, Address, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report stopped instances only when they have been stopped for at least this many days.
    #[schemars(range(min = 1, max = 3650))]
    min_stopped_days: i64,
    /// Report running instances only without activity for this many days. What was started since is not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
    /// The highest peak of CPU utilization, in percent, at which a running instance counts as idle.
    #[schemars(range(min = 0, max = 100))]
    cpu_threshold_percent: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_stopped_days: 30, lookback_days: 14, cpu_threshold_percent: 5.0 }
    }
}

/// Bytes of network traffic a day below which an instance is idle
/// (<https://docs.aws.amazon.com/compute-optimizer/latest/ug/view-idle-recommendations.html>, read Oct 2026).
const IDLE_BYTES_PER_DAY: f64 = 5e6;

async fn run(cx: &Cx, params: Params) -> Outcome {
    let instances = cx.all::<Instance>().await?;
    let volumes = cx.all::<Volume>().await?;
    let addresses = cx.all::<Address>().await?;
    let own: Vec<&Instance> = instances.iter().filter(|it| !it.is_managed()).collect();
    let stopped = own.iter().filter_map(|it| stopped(cx, &params, it));
    let mut findings: Vec<_> = stopped.map(|(it, days)| report_stopped(cx, it, days, &volumes, &addresses)).collect();
    let running = own.iter().copied().filter(|it| is_settled(cx, &params, it)).collect();
    let idle = idle(cx, &params, running).await?;
    findings.extend(idle.into_iter().map(|it| report_idle(cx, &params, it, &volumes, &addresses)));
    Ok(findings)
}

/// An instance that has been stopped for long enough, and for how many days.
fn stopped<'a>(cx: &Cx, params: &Params, instance: &'a Instance) -> Option<(&'a Instance, i64)> {
    let days = cx.days_since(instance.stopped).filter(|it| *it >= params.min_stopped_days)?;
    (instance.is_stopped() && !stands_by(instance)).then_some((instance, days))
}

/// Whether a tag has one of the words for what waits for a failure of something else.
fn stands_by(instance: &Instance) -> bool {
    let words = |text: &str| {
        let text = text.to_lowercase();
        let said = text.split(|it: char| !it.is_alphanumeric()).any(|it| ["standby", "dr", "failover"].contains(&it));
        said || text.contains("disaster") || text.contains("stand-by")
    };
    instance.tags.iter().any(|(key, value)| words(key) || words(value))
}

fn is_settled(cx: &Cx, params: &Params, instance: &Instance) -> bool {
    instance.is_running() && cx.days_since(instance.launched).is_some_and(|days| days >= params.lookback_days)
}

/// The instances of which every reading says that they do nothing. No data and an unknown reading are no proof.
async fn idle<'a>(cx: &Cx, params: &Params, instances: Vec<&'a Instance>) -> Result<Vec<&'a Instance>, Problem> {
    #[expect(clippy::cast_precision_loss, reason = "a few hundred days")]
    let traffic = IDLE_BYTES_PER_DAY * params.lookback_days as f64;
    let activity = [
        ("CPUUtilization", Statistic::Maximum, params.cpu_threshold_percent),
        ("NetworkIn", Statistic::Sum, traffic),
        ("NetworkOut", Statistic::Sum, traffic),
    ];
    let query = |(metric, statistic, _): &(&'static str, Statistic, f64), left: &[&Instance]| MetricQuery {
        namespace: "AWS/EC2",
        metric,
        statistic: *statistic,
        days: params.lookback_days,
        region: None,
        series: left.iter().map(|it| vec![("InstanceId", it.id.clone())]).collect(),
    };
    let keeps = |(_, _, most): &(_, _, f64), reading: &Reading| match reading {
        Reading::Zero => true,
        Reading::Value(value) => value <= most,
        Reading::NoData | Reading::Unknown => false,
    };
    cx.winnow(instances, activity, query, keeps).await
}

fn report_stopped(cx: &Cx, it: &Instance, days: i64, volumes: &[Volume], addresses: &[Address]) -> Finding {
    let quote = kept(it, volumes, addresses).unwrap_or_else(|| Quote::free("no volume and no address is billed"));
    finding(cx, it, volumes, addresses)
        .because(format!("stopped for {days} days; its volumes and addresses are billed on"))
        .saves(Some(quote))
        .fact("stopped_days", days)
}

fn report_idle(cx: &Cx, params: &Params, it: &Instance, volumes: &[Volume], addresses: &[Address]) -> Finding {
    let days = params.lookback_days;
    let quote = kept(it, volumes, addresses).map(|it| it.at_least("the running instance itself is not counted"));
    finding(cx, it, volumes, addresses)
        .because(format!(
            "runs, with no peak of CPU above {}% and hardly any traffic in {days} days",
            params.cpu_threshold_percent
        ))
        .saves(quote)
        .fact("lookback_days", days)
        .fact("running_days", cx.days_since(it.launched))
}

fn finding(cx: &Cx, it: &Instance, volumes: &[Volume], addresses: &[Address]) -> Finding {
    let volumes: Vec<&str> = attached(it, volumes).map(|it| it.id.as_str()).collect();
    let addresses: Vec<&str> = associated(it, addresses).map(|it| it.id.as_str()).collect();
    cx.finding(it)
        .action(ActionType::Delete)
        .fact("state", it.state.as_deref())
        .fact("instance_type", it.instance_type.as_deref())
        .fact("volume_ids", volumes)
        .fact("address_ids", addresses)
}

fn attached<'a>(instance: &Instance, volumes: &'a [Volume]) -> impl Iterator<Item = &'a Volume> {
    volumes.iter().filter(|it| it.instance_ids.contains(&instance.id))
}

fn associated<'a>(instance: &Instance, addresses: &'a [Address]) -> impl Iterator<Item = &'a Address> {
    addresses.iter().filter(|it| it.instance_id.as_ref() == Some(&instance.id))
}

/// What the volumes and addresses of an instance cost. A volume without a known price makes it a lower bound.
fn kept(instance: &Instance, volumes: &[Volume], addresses: &[Address]) -> Option<Quote> {
    let volume = |it: &Volume| prices::ebs_volume(&it.volume_type, it.size_gib, it.iops, it.throughput_mibps);
    let quotes: Vec<_> = attached(instance, volumes).map(volume).collect();
    let unknown = quotes.contains(&None);
    let addresses = associated(instance, addresses).map(|_| PUBLIC_IPV4.all_month());
    let sum = prices::sum(quotes.into_iter().flatten().chain(addresses))?;
    Some(if unknown { sum.at_least("a volume of unknown price is not counted") } else { sum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{Tags, problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// A world of instances with a volume each, of which `CloudWatch` gives the same reading of every metric.
    fn world(instances: Vec<Instance>, reading: Reading) -> Store {
        let volumes = instances.iter().map(|it| Volume::of("vol-1", &it.id)).collect::<Vec<_>>();
        Store::world()
            .with(instances)
            .with(volumes)
            .with(Vec::<Address>::new())
            .answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]))
    }

    #[tokio::test]
    async fn a_stopped_instance_saves_its_volumes_and_addresses() {
        let address = Address { instance_id: Some("i-1".to_owned()), ..Address::example("eipalloc-1") };
        let world = world(vec![Instance::stopped("i-1", 30)], Reading::Unknown).with(vec![address]);
        let findings = findings(&CHECK, world, "{}").await;
        assert_eq!(findings[0].reason, "stopped for 30 days; its volumes and addresses are billed on");
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(11.65)));
        assert_eq!(findings[0].attributes["address_ids"], serde_json::json!(["eipalloc-1"]));
    }

    #[tokio::test]
    async fn stopped_too_lately_or_nobody_knows_when_is_not_judged() {
        let unknown = Instance { stopped: None, ..Instance::stopped("i-2", 900) };
        let started_again = Instance { state: Some("running".to_owned()), ..Instance::stopped("i-3", 900) };
        let instances = vec![Instance::stopped("i-1", 29), unknown, started_again];
        assert_eq!(found(&CHECK, world(instances, Reading::NoData), "{}").await, "");
    }

    #[tokio::test]
    async fn what_stands_by_or_is_managed_is_left_out() {
        let tagged = |key: &str, value: &str| {
            let tags = Tags::from([(key.to_owned(), value.to_owned())]);
            Instance { tags, ..Instance::stopped("i-1", 90) }
        };
        for (key, value) in [("purpose", "warm-standby"), ("Environment", "DR"), ("aws:autoscaling:groupName", "web")] {
            assert_eq!(found(&CHECK, world(vec![tagged(key, value)], Reading::Zero), "{}").await, "", "{key}={value}");
        }
        let service = Instance { service_managed: true, ..Instance::example("i-2") };
        assert_eq!(found(&CHECK, world(vec![service], Reading::Zero), "{}").await, "");
        let drive = found(&CHECK, world(vec![tagged("Name", "drive")], Reading::Zero), "{}").await;
        assert!(drive.starts_with("i-1: stopped for 90 days"), "{drive}");
    }

    #[tokio::test]
    async fn a_running_instance_is_idle_when_every_reading_says_so() {
        let idle = world(vec![Instance::example("i-1")], Reading::Value(5.0));
        let findings = findings(&CHECK, idle, "{}").await;
        let reason = "runs, with no peak of CPU above 5% and hardly any traffic in 14 days";
        assert_eq!(findings[0].reason, reason);
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(8.0)));
        assert!(findings[0].price_basis.as_deref().is_some_and(|it| it.contains("lower bound")));
    }

    #[tokio::test]
    async fn any_one_metric_that_shows_activity_or_nothing_is_enough_to_say_nothing() {
        for metric in ["CPUUtilization", "NetworkIn", "NetworkOut"] {
            for other in [Reading::Value(7.1e7), Reading::NoData, Reading::Unknown] {
                let answer = move |it: &MetricQuery| Ok(vec![if it.metric == metric { other } else { Reading::Zero }]);
                let world = world(vec![Instance::example("i-1")], Reading::Zero).answering(answer);
                assert_eq!(found(&CHECK, world, "{}").await, "", "{metric} {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn the_youngest_that_is_judged_was_started_exactly_as_long_ago_as_the_look_back() {
        let at = |id, launched| Instance { launched, ..Instance::example(id) };
        let instances = vec![at("i-1", days_ago(14)), at("i-2", days_ago(13)), at("i-3", None)];
        let found = found(&CHECK, world(instances, Reading::Zero), "{}").await;
        assert!(found.starts_with("i-1: ") && found.lines().count() == 1, "{found}");
    }

    #[tokio::test]
    async fn a_volume_of_unknown_price_makes_a_lower_bound_and_no_volume_costs_nothing() {
        let strange = Volume { volume_type: "gp9".to_owned(), ..Volume::of("vol-2", "i-1") };
        let world_of = |volumes| world(vec![Instance::stopped("i-1", 60)], Reading::Zero).with::<Volume>(volumes);
        let bound = findings(&CHECK, world_of(vec![Volume::of("vol-1", "i-1"), strange]), "{}").await;
        assert!(bound[0].price_basis.as_deref().is_some_and(|it| it.contains("lower bound")), "{bound:?}");
        let none = findings(&CHECK, world_of(vec![]), "{}").await;
        assert_eq!(none[0].estimated_monthly_savings, Some(dec!(0)));
    }

    #[tokio::test]
    async fn without_any_one_list_nothing_is_said() {
        let world = || world(vec![Instance::stopped("i-1", 90)], Reading::Zero);
        is_blind_without::<Instance>(&CHECK, world()).await;
        is_blind_without::<Volume>(&CHECK, world()).await;
        is_blind_without::<Address>(&CHECK, world()).await;
        let running = world().with(vec![Instance::example("i-1")]).unanswered::<MetricQuery>(Class::Throttled);
        let problem = outcome(&CHECK, running, "{}").await.0.expect_err("nothing may rest on an unknown reading");
        assert_eq!(problem.class, Class::Throttled);
    }

    #[tokio::test]
    async fn it_asks_all_it_needs() {
        asks_all_it_needs(&CHECK, world(vec![Instance::example("i-1")], Reading::Zero), "{}").await;
    }
}
