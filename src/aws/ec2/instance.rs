//! Instances.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

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
    /// For example `m5.large`.
    pub(crate) instance_type: Option<String>,
    /// When it was last started.
    pub(crate) launched: Option<Timestamp>,
    /// When it was stopped, as the reason of its last change of state tells. AWS says nothing where it stopped by itself.
    pub(crate) stopped: Option<Timestamp>,
    /// Whether another AWS service made it and manages it.
    pub(crate) service_managed: bool,
    pub(crate) tags: Tags,
}

impl Instance {
    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.state.as_deref() == Some("running")
    }

    /// Whether it is stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state.as_deref() == Some("stopped")
    }

    /// Whether an Auto Scaling group or another service starts, stops and replaces it. A group keeps stopped ones in its warm
    /// pool.
    pub(crate) fn is_managed(&self) -> bool {
        self.service_managed || self.tags.keys().any(|it| it.starts_with("aws:autoscaling:"))
    }

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
        instance_type: it.instance_type().map(|it| it.as_str().to_owned()),
        launched: timestamp(it.launch_time()),
        stopped: it.state_transition_reason().and_then(moment_of_change),
        service_managed: it.operator().and_then(aws_sdk_ec2::types::OperatorResponse::managed) == Some(true),
        tags: tags_of(it.tags()),
    })
}

/// The time in `User initiated (2026-08-01 10:00:00 GMT)`. It is in the reason of a stop, and AWS does not promise its form.
fn moment_of_change(reason: &str) -> Option<Timestamp> {
    let (_, rest) = reason.split_once('(')?;
    let time = rest.split_once(')')?.0;
    let time = time.strip_suffix(" GMT").or_else(|| time.strip_suffix(" UTC"))?;
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", time).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp())
}

#[cfg(test)]
impl Instance {
    /// A running instance, launched from `ami-` and its id 200 days ago.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            state: Some("running".to_owned()),
            image_id: Some(format!("ami-{id}")),
            instance_type: Some("m5.large".to_owned()),
            launched: crate::check::testing::days_ago(200),
            stopped: None,
            service_managed: false,
            tags: Tags::new(),
        }
    }

    /// The same, stopped some days ago.
    pub(crate) fn stopped(id: &str, days: i64) -> Self {
        let stopped = crate::check::testing::days_ago(days);
        Self { state: Some("stopped".to_owned()), stopped, ..Self::example(id) }
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
        assert!(!instances[0].is_terminated() && instances[1].is_terminated() && !instances[2].is_terminated());
        assert_eq!(instances[2].state, None);
        assert_eq!(instances[0].launched.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!((instances[2].launched, instances[2].stopped, instances[2].service_managed), (None, None, false));
    }

    #[tokio::test]
    async fn the_time_of_a_stop_and_the_service_that_manages_are_read() {
        let one = "<item><instancesSet><item><instanceId>i-1</instanceId><instanceType>m5.large</instanceType>\
                   <instanceState><name>stopped</name></instanceState><reason>User initiated (2026-08-01 10:00:00 GMT)</reason>\
                   <operator><managed>true</managed><principal>eks.amazonaws.com</principal></operator></item></instancesSet></item>";
        let reply = Reply::ok("DescribeInstances", page("DescribeInstances", "reservationSet", one, None));
        let instances = collected::<Instance>(vec![reply]).await.expect("collected");
        assert!(instances[0].is_stopped() && instances[0].is_managed());
        assert_eq!(instances[0].stopped.map(|it| it.to_string()).as_deref(), Some("2026-08-01T10:00:00Z"));
        assert_eq!(instances[0].instance_type.as_deref(), Some("m5.large"));
    }

    #[test]
    fn a_reason_without_a_time_tells_no_time() {
        for reason in
            ["", "User initiated", "User initiated ()", "Server.SpotInstanceShutdown (lately)", "(2026-08-01 GMT)"]
        {
            assert_eq!(moment_of_change(reason), None, "{reason}");
        }
    }

    #[test]
    fn an_instance_of_an_auto_scaling_group_is_managed() {
        let tags = Tags::from([("aws:autoscaling:groupName".to_owned(), "workers".to_owned())]);
        assert!(Instance { tags, ..Instance::example("i-1") }.is_managed());
        assert!(!Instance::example("i-1").is_managed());
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Instance>("DescribeInstances").await;
    }
}
