//! Clusters.

use aws_sdk_ecs::types::ClusterField;

use super::{all_described, said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, ECS},
    problem::Problem,
};

static LIST_CLUSTERS: Action = Action::new(&ECS, "ListClusters");
static DESCRIBE_CLUSTERS: Action = Action::new(&ECS, "DescribeClusters");

/// The most clusters on a page and in one description
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html>, read Oct 2026).
const MOST: usize = 100;

/// An ECS cluster. AWS does not say when it was made. Its counts are always sent; the SDK reads one that is not as zero.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// `ACTIVE`, `PROVISIONING`, `INACTIVE`, ...
    pub(crate) status: Option<String>,
    pub(crate) services: i32,
    pub(crate) running_tasks: i32,
    pub(crate) pending_tasks: i32,
    pub(crate) container_instances: i32,
    pub(crate) tags: Tags,
}

impl Cluster {
    /// Whether it can be used.
    pub(crate) fn is_active(&self) -> bool {
        self.status.as_deref() == Some("ACTIVE")
    }
}

impl Resource for Cluster {
    const TYPE: &'static str = "AWS::ECS::Cluster";

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, _: &At) -> Option<String> {
        Some(self.arn.clone())
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for Cluster {
    const NAME: &'static str = "ecs::Cluster";
    const ACTIONS: &'static [&'static Action] = &[&LIST_CLUSTERS, &DESCRIBE_CLUSTERS];
}

impl Collect for Cluster {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut arns = Vec::new();
        let send = |token| at.ecs().list_clusters().max_results(100).set_next_token(token).send();
        at.pages(&LIST_CLUSTERS, send, |page| {
            arns.extend(page.cluster_arns().iter().cloned());
            page.next_token
        })
        .await?;
        let mut clusters = Vec::new();
        for some in arns.chunks(MOST) {
            let send =
                || at.ecs().describe_clusters().set_clusters(Some(some.to_vec())).include(ClusterField::Tags).send();
            let answer = at.call(&DESCRIBE_CLUSTERS, send).await?;
            all_described(&DESCRIBE_CLUSTERS, answer.failures())?;
            clusters.extend(answer.clusters().iter().filter_map(cluster));
        }
        Ok(clusters)
    }
}

fn cluster(it: &aws_sdk_ecs::types::Cluster) -> Option<Cluster> {
    Some(Cluster {
        name: it.cluster_name()?.to_owned(),
        arn: it.cluster_arn()?.to_owned(),
        status: said(it.status()),
        services: it.active_services_count(),
        running_tasks: it.running_tasks_count(),
        pending_tasks: it.pending_tasks_count(),
        container_instances: it.registered_container_instances_count(),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl Cluster {
    /// A cluster that holds nothing.
    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arn: super::testing::arn(&format!("cluster/{name}")),
            status: Some("ACTIVE".to_owned()),
            services: 0,
            running_tasks: 0,
            pending_tasks: 0,
            container_instances: 0,
            tags: Tags::new(),
        }
    }

    /// A cluster of one service with two tasks.
    pub(crate) fn example(name: &str) -> Self {
        Self { services: 1, running_tasks: 2, ..Self::empty(name) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::*, *};
    use crate::aws::{
        problem::Class,
        replies::{collected, json_denied},
    };

    #[tokio::test]
    async fn every_page_of_clusters_is_read_also_past_an_empty_one() {
        let one = json!({
            "clusterName": "one", "clusterArn": arn("cluster/one"), "status": "ACTIVE", "activeServicesCount": 1,
            "runningTasksCount": 2, "pendingTasksCount": 3, "registeredContainerInstancesCount": 4,
            "tags": [{"key": "team", "value": "web"}],
        });
        let two = json!({"clusterName": "two", "clusterArn": arn("cluster/two"), "status": "INACTIVE"});
        let missing = json!({"arn": arn("cluster/gone"), "reason": "MISSING"});
        let clusters = collected::<Cluster>(vec![
            reply("ListClusters", &json!({"clusterArns": [arn("cluster/one")], "nextToken": "t1"})),
            reply("t1", &json!({"clusterArns": [], "nextToken": "t2"})),
            reply("t2", &json!({"clusterArns": [arn("cluster/two"), arn("cluster/gone")]})),
            reply("cluster/two", &json!({"clusters": [one, two], "failures": [missing]})),
        ])
        .await
        .expect("collected");
        let [one, two] = clusters.as_slice() else { panic!("two clusters, not {clusters:?}") };
        assert_eq!((one.name.as_str(), one.services, one.running_tasks), ("one", 1, 2));
        assert_eq!((one.pending_tasks, one.container_instances), (3, 4));
        assert_eq!(one.tags.get("team").map(String::as_str), Some("web"));
        assert!(one.is_active() && !two.is_active());
    }

    #[tokio::test]
    async fn more_clusters_than_one_call_takes_are_described() {
        let arns: Vec<_> = (0..101).map(|it| arn(&format!("cluster/c{it}"))).collect();
        let of = |name: &str| json!({"clusters": [{"clusterName": name, "clusterArn": arn(name)}]});
        let clusters = collected::<Cluster>(vec![
            reply("ListClusters", &json!({"clusterArns": arns})),
            reply("cluster/c99", &of("first")),
            reply("cluster/c100", &of("second")),
        ])
        .await
        .expect("collected");
        assert_eq!(clusters.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    }

    #[tokio::test]
    async fn a_cluster_that_is_not_described_is_a_problem() {
        let failure = json!({"arn": arn("cluster/one"), "reason": "INTERNAL"});
        let problem = collected::<Cluster>(vec![
            reply("ListClusters", &json!({"clusterArns": [arn("cluster/one")]})),
            reply("DescribeClusters", &json!({"clusters": [], "failures": [failure]})),
        ])
        .await
        .expect_err("not described");
        assert_eq!((problem.class, problem.action.as_str()), (Class::ServiceError, "ecs:DescribeClusters"));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<Cluster>(vec![json_denied("ListClusters")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "ecs:ListClusters"));
    }
}
