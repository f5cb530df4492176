//! EBS volumes.

use jiff::Timestamp;

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
    timestamp,
};

static DESCRIBE_VOLUMES: Action = Action::new(&EC2, "DescribeVolumes");

/// An EBS volume.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) id: String,
    /// `gp3`, `io2`, ...; empty when AWS did not say.
    pub(crate) volume_type: String,
    pub(crate) size_gib: Option<i64>,
    pub(crate) iops: Option<i64>,
    pub(crate) throughput_mibps: Option<i64>,
    /// `available` when it is attached to nothing.
    pub(crate) state: Option<String>,
    /// The instances it is attached to.
    pub(crate) instance_ids: Vec<String>,
    /// The snapshot it was made from.
    pub(crate) snapshot_id: Option<String>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) tags: Tags,
}

impl Volume {
    /// Whether it is attached to nothing and ready for use.
    pub(crate) fn is_available(&self) -> bool {
        self.state.as_deref() == Some("available")
    }
}

impl Resource for Volume {
    const TYPE: &'static str = "AWS::EC2::Volume";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("volume/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for Volume {
    const NAME: &'static str = "ec2::Volume";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_VOLUMES];
}

impl Collect for Volume {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut volumes = Vec::new();
        let send = |token| {
            at.ec2().describe_volumes().include_managed_resources(true).max_results(500).set_next_token(token).send()
        };
        at.pages(&DESCRIBE_VOLUMES, send, |page| {
            volumes.extend(page.volumes().iter().filter_map(volume));
            page.next_token
        })
        .await?;
        Ok(volumes)
    }
}

fn volume(it: &aws_sdk_ec2::types::Volume) -> Option<Volume> {
    Some(Volume {
        id: it.volume_id()?.to_owned(),
        volume_type: it.volume_type().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        size_gib: it.size().map(i64::from),
        iops: it.iops().map(i64::from),
        throughput_mibps: it.throughput().map(i64::from),
        state: it.state().map(|it| it.as_str().to_owned()),
        instance_ids: it.attachments().iter().filter_map(|it| said(it.instance_id())).collect(),
        snapshot_id: said(it.snapshot_id()),
        created: timestamp(it.create_time()),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl Volume {
    /// A healthy volume, attached, 200 days old.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            volume_type: "gp3".to_owned(),
            size_gib: Some(100),
            iops: Some(3000),
            throughput_mibps: Some(125),
            state: Some("in-use".to_owned()),
            instance_ids: vec!["i-1".to_owned()],
            snapshot_id: None,
            created: crate::check::testing::days_ago(200),
            tags: Tags::new(),
        }
    }

    /// The same, attached to nothing.
    pub(crate) fn detached(id: &str) -> Self {
        Self { state: Some("available".to_owned()), instance_ids: Vec::new(), ..Self::example(id) }
    }

    /// A healthy one, attached to an instance.
    pub(crate) fn of(id: &str, instance_id: &str) -> Self {
        Self { instance_ids: vec![instance_id.to_owned()], ..Self::example(id) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::{
        problem::Class,
        replies::{Reply, collected},
    };

    #[tokio::test]
    async fn every_page_of_volumes_is_read_also_past_an_empty_one() {
        let one = "<item><volumeId>vol-1</volumeId><size>8</size><volumeType>gp3</volumeType><status>available</status>\
                   <createTime>2026-05-01T10:00:00Z</createTime><tagSet><item><key>team</key><value>web</value></item></tagSet></item>";
        let two = "<item><volumeId>vol-2</volumeId><size>9</size><status>in-use</status>\
                   <attachmentSet><item><instanceId>i-1</instanceId></item><item/></attachmentSet></item>";
        let volumes = collected::<Volume>(vec![
            Reply::ok("Action=DescribeVolumes", page("DescribeVolumes", "volumeSet", one, Some("t1"))),
            Reply::ok("NextToken=t1", page("DescribeVolumes", "volumeSet", "", Some("t2"))),
            Reply::ok("NextToken=t2", page("DescribeVolumes", "volumeSet", two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(volumes.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["vol-1", "vol-2"]);
        assert!(volumes[0].is_available() && !volumes[1].is_available());
        assert_eq!(volumes[0].tags.get("team").map(String::as_str), Some("web"));
        assert_eq!(volumes[0].created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!(volumes[1].created, None);
        assert_eq!((volumes[0].instance_ids.len(), volumes[1].instance_ids.as_slice()), (0, &["i-1".to_owned()][..]));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Volume>("DescribeVolumes").await;
    }

    #[tokio::test]
    async fn a_token_that_repeats_is_a_problem_and_not_an_endless_list() {
        let same = || Reply::ok("DescribeVolumes", page("DescribeVolumes", "volumeSet", "", Some("t1")));
        let problem = collected::<Volume>(vec![same(), same()]).await.expect_err("it does not end");
        assert_eq!(problem.class, Class::InvalidExchange);
    }
}
