//! ECS clusters and services in which no task runs.

use std::collections::HashSet;

use futures::future::join_all;

use crate::{
    aws::{
        ecs::{Cluster, ScheduledTasks, Service, Services},
        eventbridge::EventBus,
        metrics::{MetricQuery, Reading, Statistic},
        prices::Quote,
        problem::Problem,
    },
    check::prelude::*,
};

check! {
    /// Finds empty ECS clusters, container instances without tasks, and ECS services without tasks.
    ///
    /// AWS bills nothing for an empty cluster or for a service without tasks: what they cost is care, and the load balancers
    /// and names kept for them. Container instances are billed as EC2 instances whether or not a task is on them; their price
    /// is not known here, so no amount is given. AWS does not say since when a cluster is empty: that one is judged as it is
    /// now. Left out are the cluster `default`, clusters of AWS Batch, and clusters in which a rule of EventBridge starts
    /// tasks. EventBridge Scheduler, Step Functions and pipelines may start tasks too and cannot be told from here. Whether
    /// the tasks that run have anything to do is not judged. Fine to ignore for a service that is started by hand.
    title: "Unused ECS clusters and services",
    scope: Regional,
    needs: [Cluster, EventBus, ScheduledTasks, Services, MetricQuery],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// Report only services and container instances without a task for at least this many days. Younger ones are not judged.
    #[schemars(range(min = 1, max = 455))]
    lookback_days: i64,
}

impl Default for Params {
    fn default() -> Self {
        Self { lookback_days: 90 }
    }
}

/// What the tasks of a cluster reserve of its container instances. It is sent for as long as there are such instances, and
/// is zero while no task is on them.
///
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html> (read Oct 2026).
const RESERVED: [(&str, Statistic); 3] = [
    ("CPUReservation", Statistic::Earliest),
    ("CPUReservation", Statistic::Maximum),
    ("MemoryReservation", Statistic::Maximum),
];

async fn run(cx: &Cx, params: Params) -> Outcome {
    let all = cx.all::<Cluster>().await?;
    let clusters: Vec<&Cluster> = all.iter().filter(|it| it.is_active() && !is_of_batch(it)).collect();
    let mut findings = empty(cx, &all, &clusters).await?;
    findings.extend(idle_capacity(cx, &params, &clusters).await?);
    findings.extend(idle_services(cx, &params, &clusters).await?);
    Ok(findings)
}

/// Whether AWS Batch made the cluster, for a compute environment.
///
/// Source: <https://docs.aws.amazon.com/batch/latest/userguide/compute_environments.html> (read Oct 2026).
fn is_of_batch(it: &Cluster) -> bool {
    it.name.starts_with("AWSBatch-") || it.name.contains("_Batch_") || it.tags.contains_key("AWSBatchServiceTag")
}

fn has_no_task(it: &Cluster) -> bool {
    it.running_tasks == 0 && it.pending_tasks == 0
}

/// The clusters that hold nothing and in which no rule starts anything.
async fn empty(cx: &Cx, all: &[Cluster], clusters: &[&Cluster]) -> Outcome {
    let is_empty = |it: &&&Cluster| has_no_task(it) && it.services == 0 && it.container_instances == 0;
    // ECS itself makes the default cluster, and who names no cluster means that one.
    let empty: Vec<_> = clusters.iter().filter(is_empty).filter(|it| it.name != "default").collect();
    if empty.is_empty() {
        return Ok(Vec::new());
    }
    let buses = cx.all::<EventBus>().await?;
    let tasks = cx.ask(ScheduledTasks::of(all, &buses)).await?;
    let scheduled: HashSet<&str> = tasks.iter().map(|it| it.cluster.as_str()).collect();
    let unused = empty.into_iter().filter(|it| !scheduled.contains(it.arn.as_str()));
    let report = |it: &&Cluster| {
        cx.finding(*it)
            .because("holds no service, no task and no container instance")
            .action(ActionType::Delete)
            .saves(Some(Quote::free("no charge for an empty cluster")))
    };
    Ok(unused.map(report).collect())
}

/// The clusters whose container instances had no task on them all the time. No data and an unknown reading are no proof.
async fn idle_capacity(cx: &Cx, params: &Params, clusters: &[&Cluster]) -> Outcome {
    let idle = clusters.iter().filter(|it| has_no_task(it) && it.container_instances > 0);
    let reserved = |(metric, statistic): &(&'static str, Statistic), left: &[&Cluster]| {
        let series = left.iter().map(|it| vec![("ClusterName", it.name.clone())]).collect();
        query(params, metric, *statistic, series)
    };
    let idle = cx.winnow(idle.copied().collect(), RESERVED, reserved, |_, it| *it == Reading::Zero).await?;
    let report = |it: &Cluster| {
        let (count, days) = (it.container_instances, params.lookback_days);
        let instances =
            if count == 1 { "1 container instance".to_owned() } else { format!("{count} container instances") };
        cx.finding(it)
            .because(format!("{instances}, and no task on any in {days} days"))
            .saves(None)
            .fact("container_instances", count)
            .fact("lookback_days", days)
    };
    Ok(idle.into_iter().map(report).collect())
}

/// A service, the name of its cluster, and how many days ago it was created.
type Settled<'a> = (&'a Service, &'a str, i64);

/// The services that have no task, and had none all the time: ECS sends their metrics only while they have tasks.
async fn idle_services(cx: &Cx, params: &Params, clusters: &[&Cluster]) -> Outcome {
    let holders = clusters.iter().filter(|it| it.services > 0);
    let asked = holders.map(async |it| (it.name.as_str(), cx.ask_or_note(Services { cluster: it.arn.clone() }).await));
    let services = join_all(asked).await;
    let services = services.iter().filter_map(|(cluster, services)| Some((*cluster, services.as_ref()?)));
    let services = services.flat_map(|(cluster, services)| services.iter().map(move |it| (it, cluster)));
    let settled: Vec<Settled<'_>> = services.filter_map(|(it, cluster)| settled(cx, params, it, cluster)).collect();
    let readings = use_of(cx, params, &settled).await?;
    let idle = settled.iter().zip(readings).filter(|(_, reading)| *reading == Reading::NoData);
    Ok(idle.map(|(it, _)| report(cx, params, it)).collect())
}

fn settled<'a>(cx: &Cx, params: &Params, it: &'a Service, cluster: &'a str) -> Option<Settled<'a>> {
    let has_no_task = it.running_tasks == 0 && it.pending_tasks == 0;
    let age = cx.days_since(it.created).filter(|age| *age >= params.lookback_days)?;
    (it.status.as_deref() == Some("ACTIVE") && has_no_task).then_some((it, cluster, age))
}

async fn use_of(cx: &Cx, params: &Params, services: &[Settled<'_>]) -> Result<Vec<Reading>, Problem> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let series = services
        .iter()
        .map(|(it, cluster, _)| vec![("ClusterName", (*cluster).to_owned()), ("ServiceName", it.name.clone())]);
    let query = query(params, "CPUUtilization", Statistic::Maximum, series.collect());
    Ok(cx.ask(query).await?.to_vec())
}

fn query(
    params: &Params,
    metric: &'static str,
    statistic: Statistic,
    series: Vec<Vec<(&'static str, String)>>,
) -> MetricQuery {
    MetricQuery { namespace: "AWS/ECS", metric, statistic, days: params.lookback_days, region: None, series }
}

fn report(cx: &Cx, params: &Params, (service, cluster, age): &Settled<'_>) -> Finding {
    let days = params.lookback_days;
    let wish = match service.desired_tasks {
        0 => "asks for no task".to_owned(),
        1 => "asks for 1 task".to_owned(),
        count => format!("asks for {count} tasks"),
    };
    let finding = cx
        .finding(*service)
        .because(format!("{wish}, and none ran in {days} days"))
        .saves(Some(Quote::free("no charge for a service without tasks; its load balancers are billed apart")))
        .fact("cluster", *cluster)
        .fact("name", service.name.as_str())
        .fact("desired_tasks", service.desired_tasks)
        .fact("load_balancers", service.load_balancers)
        .fact("age_days", *age)
        .fact("lookback_days", days);
    // One that asks for tasks may be broken rather than left over.
    if service.desired_tasks == 0 { finding.action(ActionType::Delete) } else { finding }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::{ecs::ScheduledTask, problem::Class, store::Store},
        check::testing::{asks_all_it_needs, days_ago, findings, found, is_blind_without, outcome},
    };
    use rust_decimal_macros::dec;

    /// Clusters of which CloudWatch says zero where it speaks of a cluster and nothing where it speaks of a service, and in
    /// each of which there are these services.
    fn world(clusters: Vec<Cluster>, services: Vec<Service>) -> Store {
        Store::world()
            .with(clusters)
            .with(vec![EventBus::example()])
            .answering(|_: &ScheduledTasks| Ok(Vec::new()))
            .answering(move |_: &Services| Ok(services.clone()))
            .answering(|it: &MetricQuery| {
                let reading = |it: &Vec<_>| if it.len() == 1 { Reading::Zero } else { Reading::NoData };
                Ok(it.series.iter().map(reading).collect())
            })
    }

    fn with_instances(name: &str, container_instances: i32) -> Cluster {
        Cluster { container_instances, ..Cluster::empty(name) }
    }

    const EMPTY: &str = "holds no service, no task and no container instance";

    #[tokio::test]
    async fn nothing_is_found_where_there_is_nothing() {
        assert_eq!(found(&CHECK, world(vec![], vec![]), "{}").await, "");
    }

    #[tokio::test]
    async fn only_the_cluster_that_holds_nothing_is_empty() {
        let clusters = vec![
            Cluster::empty("void"),
            Cluster::example("busy"),
            Cluster { running_tasks: 1, ..Cluster::empty("running") },
            Cluster { pending_tasks: 1, ..Cluster::empty("pending") },
            Cluster { status: Some("INACTIVE".to_owned()), ..Cluster::empty("inactive") },
            Cluster { status: None, ..Cluster::empty("unknown") },
            Cluster::empty("default"),
            Cluster::empty("AWSBatch-jobs-1234"),
            Cluster::empty("jobs_Batch_1234"),
            Cluster { tags: [("AWSBatchServiceTag".to_owned(), "batch".to_owned())].into(), ..Cluster::empty("jobs") },
        ];
        assert_eq!(found(&CHECK, world(clusters, vec![]), "{}").await, format!("void: {EMPTY}"));
    }

    #[tokio::test]
    async fn a_cluster_in_which_a_rule_starts_tasks_is_used() {
        let clusters = vec![Cluster::empty("nightly"), Cluster::empty("void")];
        let cluster = clusters[0].arn.clone();
        let world = world(clusters, vec![]).answering(move |_: &ScheduledTasks| {
            Ok(vec![ScheduledTask { cluster: cluster.clone(), task_definition: None }])
        });
        assert_eq!(found(&CHECK, world, "{}").await, format!("void: {EMPTY}"));
    }

    #[tokio::test]
    async fn instances_without_tasks_are_found_and_their_price_is_not_known() {
        let busy = Cluster { running_tasks: 1, ..with_instances("busy", 2) };
        let world = world(vec![with_instances("idle", 2), busy, with_instances("one", 1)], vec![]);
        let found = findings(&CHECK, world, "{}").await;
        let reasons: Vec<_> = found.iter().map(|it| it.reason.as_str()).collect();
        let expected = [
            "2 container instances, and no task on any in 90 days",
            "1 container instance, and no task on any in 90 days",
        ];
        assert_eq!(reasons, expected);
        assert_eq!((found[0].estimated_monthly_savings, found[0].action_type.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn any_reading_that_is_not_zero_is_enough_to_say_nothing_of_instances() {
        for asked in RESERVED {
            for other in [Reading::Value(1.0), Reading::NoData, Reading::Unknown] {
                let answer = move |it: &MetricQuery| {
                    Ok(vec![if (it.metric, it.statistic) == asked { other } else { Reading::Zero }])
                };
                let world = world(vec![with_instances("idle", 2)], vec![]).answering(answer);
                assert_eq!(found(&CHECK, world, "{}").await, "", "{asked:?} {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn services_without_tasks_are_found() {
        let services = vec![
            Service::without_tasks("off", 0),
            Service::without_tasks("broken", 3),
            Service::without_tasks("single", 1),
            Service::example("busy"),
            Service { pending_tasks: 1, ..Service::without_tasks("starting", 1) },
            Service { status: Some("DRAINING".to_owned()), ..Service::without_tasks("draining", 0) },
            Service { status: None, ..Service::without_tasks("unknown", 0) },
        ];
        let findings = findings(&CHECK, world(vec![Cluster::example("main")], services), "{}").await;
        let found: Vec<_> = findings
            .iter()
            .map(|it| {
                (it.attributes["name"].as_str().unwrap_or_default(), it.reason.as_str(), it.action_type.as_deref())
            })
            .collect();
        let expected = [
            ("off", "asks for no task, and none ran in 90 days", Some("Delete")),
            ("broken", "asks for 3 tasks, and none ran in 90 days", None),
            ("single", "asks for 1 task, and none ran in 90 days", None),
        ];
        assert_eq!(found, expected);
        assert_eq!(findings[0].estimated_monthly_savings, Some(dec!(0)));
        assert!(findings[0].price_basis.as_ref().is_some_and(|it| it.contains("load balancers are billed apart")));
        let arn = "arn:aws:ecs:eu-west-1:111122223333:service/off";
        assert_eq!((findings[0].resource_id.as_str(), findings[0].resource_arn.as_deref()), (arn, Some(arn)));
    }

    #[tokio::test]
    async fn a_service_counts_as_idle_only_when_there_is_no_data_at_all() {
        for reading in [Reading::Value(1.0), Reading::Zero, Reading::Unknown] {
            let world = world(vec![Cluster::example("main")], vec![Service::without_tasks("off", 0)])
                .answering(move |it: &MetricQuery| Ok(vec![reading; it.series.len()]));
            assert_eq!(found(&CHECK, world, "{}").await, "", "{reading:?}");
        }
    }

    #[tokio::test]
    async fn the_youngest_service_that_is_judged_is_exactly_as_old_as_the_look_back() {
        let at = |name, created| Service { created, ..Service::without_tasks(name, 0) };
        let services = vec![at("old", days_ago(30)), at("new", days_ago(29)), at("unknown", None)];
        let world = world(vec![Cluster::example("main")], services);
        let findings = findings(&CHECK, world, r#"{"lookback_days": 30}"#).await;
        assert_eq!(findings.iter().map(|it| &it.attributes["name"]).collect::<Vec<_>>(), ["old"]);
    }

    #[tokio::test]
    async fn services_that_may_not_be_listed_are_a_problem_and_hide_only_themselves() {
        let world = world(vec![Cluster::example("main"), Cluster::empty("void")], vec![])
            .unanswered::<Services>(Class::AccessDenied);
        let (outcome, problems) = outcome(&CHECK, world, "{}").await;
        assert_eq!(outcome.expect("judged").len(), 1);
        assert_eq!(problems.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::AccessDenied]);
    }

    #[tokio::test]
    async fn nothing_is_found_where_clusters_rules_or_metrics_may_not_be_read() {
        let world = || world(vec![Cluster::empty("void"), with_instances("idle", 1)], vec![]);
        is_blind_without::<Cluster>(&CHECK, world()).await;
        is_blind_without::<EventBus>(&CHECK, world()).await;
        for blind in [
            world().unanswered::<ScheduledTasks>(Class::AccessDenied),
            world().unanswered::<MetricQuery>(Class::AccessDenied),
        ] {
            assert_eq!(outcome(&CHECK, blind, "{}").await.0.expect_err("blind").class, Class::AccessDenied);
        }
    }

    #[tokio::test]
    async fn everything_declared_is_asked() {
        let clusters = vec![Cluster::example("main"), Cluster::empty("void")];
        let world = world(clusters, vec![Service::without_tasks("off", 0)]);
        asks_all_it_needs(&CHECK, world, "{}").await;
    }
}
