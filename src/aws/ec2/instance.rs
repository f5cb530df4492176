//! Instances.

use jiff::Timestamp;

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
    timestamp,
};

static DESCRIBE_INSTANCES: Action = Action::new(&EC2, "DescribeInstances");

/// An instance. AWS lists terminated ones for about an hour.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// `running`, `stopped`, `terminated`, ...
    pub(crate) state: Option<String>,
    pub(crate) image_id: Option<String>,
    pub(crate) launched: Option<Timestamp>,
    pub(crate) tags: Tags,
}

impl Instance {
    /// Whether it is gone and only still listed.
    pub(crate) fn is_terminated(&self) -> bool {
        self.state.as_deref() == Some("terminated")
    }
}

impl Resource for Instance {
    const TYPE: &'static str = "AWS::EC2::Instance";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("instance/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for Instance {
    const NAME: &'static str = "ec2::Instance";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_INSTANCES];
}

impl Collect for Instance {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut instances = Vec::new();
        let send = |token| {
            at.ec2().describe_instances().include_managed_resources(true).max_results(1000).set_next_token(token).send()
        };
        at.pages(&DESCRIBE_INSTANCES, send, |page| {
            instances.extend(
                page.reservations().iter().flat_map(aws_sdk_ec2::types::Reservation::instances).filter_map(instance),
            );
            page.next_token
        })
        .await?;
        Ok(instances)
    }
}

fn instance(it: &aws_sdk_ec2::types::Instance) -> Option<Instance> {
    Some(Instance {
        id: it.instance_id()?.to_owned(),
        state: it.state().and_then(|it| it.name()).map(|it| it.as_str().to_owned()),
        image_id: said(it.image_id()),
        launched: timestamp(it.launch_time()),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl Instance {
    /// A running instance, launched 200 days ago from `ami-` and its id.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            state: Some("running".to_owned()),
            image_id: Some(format!("ami-{id}")),
            launched: crate::check::testing::days_ago(200),
            tags: Tags::new(),
        }
    }

    /// The same, launched from an image.
    pub(crate) fn of(image_id: &str) -> Self {
        Self { image_id: Some(image_id.to_owned()), ..Self::example("i-1") }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_instance_of_every_reservation_on_every_page_is_read() {
        let one = "<item><instancesSet><item><instanceId>i-1</instanceId><imageId>ami-1</imageId>\
                   <instanceState><code>16</code><name>running</name></instanceState><launchTime>2026-05-01T10:00:00Z</launchTime>\
                   <tagSet><item><key>team</key><value>web</value></item></tagSet></item>\
                   <item><instanceId>i-2</instanceId><instanceState><name>terminated</name></instanceState></item></instancesSet></item>\
                   <item><instancesSet><item><instanceId>i-3</instanceId></item></instancesSet></item>";
        let two = "<item><instancesSet><item><instanceId>i-4</instanceId></item></instancesSet></item>";
        let instances = collected::<Instance>(vec![
            Reply::ok("IncludeManagedResources=true", page("DescribeInstances", "reservationSet", one, Some("t1"))),
            Reply::ok("NextToken=t1", page("DescribeInstances", "reservationSet", "", Some("t2"))),
            Reply::ok("NextToken=t2", page("DescribeInstances", "reservationSet", two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(instances.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["i-1", "i-2", "i-3", "i-4"]);
        assert_eq!(instances[0].image_id.as_deref(), Some("ami-1"));
        assert_eq!(instances[0].launched.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert!(!instances[0].is_terminated() && instances[1].is_terminated() && !instances[2].is_terminated());
        assert_eq!((instances[2].launched, instances[2].state.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Instance>("DescribeInstances").await;
    }
}
