//! EBS snapshots.

use jiff::Timestamp;

use super::{arn_without_account, has_manager, said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
    timestamp,
};

static DESCRIBE_SNAPSHOTS: Action = Action::new(&EC2, "DescribeSnapshots");

/// An EBS snapshot that the account owns, or that another account shares with it by name.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    /// Whether it is another account's.
    pub(crate) is_of_another: bool,
    /// The volume it was made from.
    pub(crate) volume_id: Option<String>,
    /// `completed` when it is ready for use.
    pub(crate) state: Option<String>,
    /// `standard` or `archive`.
    pub(crate) storage_tier: Option<String>,
    /// All blocks that had been written to the volume: more than what is stored, as snapshots are incremental.
    pub(crate) full_size_bytes: Option<i64>,
    /// The size of the volume, written to or not.
    pub(crate) volume_size_gib: Option<i64>,
    pub(crate) description: Option<String>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) tags: Tags,
}

impl Snapshot {
    /// Whether it is ready for use.
    pub(crate) fn is_completed(&self) -> bool {
        self.state.as_deref() == Some("completed")
    }

    /// Its full size in bytes; where AWS does not say it, that of the volume, which is no less.
    pub(crate) fn size_bytes(&self) -> Option<i64> {
        self.full_size_bytes.or_else(|| self.volume_size_gib.map(|it| it << 30))
    }

    /// Whether AWS Backup or Data Lifecycle Manager made it and will delete it.
    pub(crate) fn is_managed(&self) -> bool {
        has_manager(&self.tags)
    }

    /// The image it was made for, when it was made for one.
    pub(crate) fn made_for_image(&self) -> Option<&str> {
        let (_, image) = self.description.as_deref()?.strip_prefix("Created by CreateImage(")?.split_once(") for ")?;
        image.split_whitespace().next()
    }
}

impl Resource for Snapshot {
    const TYPE: &'static str = "AWS::EC2::Snapshot";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        arn_without_account(at, &format!("snapshot/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for Snapshot {
    const NAME: &'static str = "ec2::Snapshot";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_SNAPSHOTS];
}

impl Collect for Snapshot {
    /// Without an owner, what is restorable by oneself are one's own snapshots and those that others share by name, and not
    /// those that are public (<https://manpages.ubuntu.com/manpages/noble/man1/ec2dsnap.1.html>, read Nov 2026).
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut snapshots = Vec::new();
        let send = |token| {
            let asked = at.ec2().describe_snapshots().restorable_by_user_ids("self");
            asked.max_results(1000).set_next_token(token).send()
        };
        at.pages(&DESCRIBE_SNAPSHOTS, send, |page| {
            snapshots.extend(page.snapshots().iter().filter_map(|it| snapshot(it, &at.at.account)));
            page.next_token
        })
        .await?;
        Ok(snapshots)
    }
}

fn snapshot(it: &aws_sdk_ec2::types::Snapshot, account: &str) -> Option<Snapshot> {
    Some(Snapshot {
        is_of_another: it.owner_id().is_some_and(|it| it != account),
        id: it.snapshot_id()?.to_owned(),
        volume_id: said(it.volume_id()),
        state: it.state().map(|it| it.as_str().to_owned()),
        storage_tier: it.storage_tier().map(|it| it.as_str().to_owned()),
        full_size_bytes: it.full_snapshot_size_in_bytes(),
        volume_size_gib: it.volume_size().map(i64::from),
        description: said(it.description()),
        started: timestamp(it.start_time()),
        tags: tags_of(it.tags()),
    })
}

#[cfg(test)]
impl Snapshot {
    /// A completed snapshot of 10 GiB, in the standard tier, 200 days old, that nothing is known to use.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            is_of_another: false,
            volume_id: Some("vol-gone".to_owned()),
            state: Some("completed".to_owned()),
            storage_tier: Some("standard".to_owned()),
            full_size_bytes: Some(10 << 30),
            volume_size_gib: Some(100),
            description: None,
            started: crate::check::testing::days_ago(200),
            tags: Tags::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_snapshots_is_read_also_past_an_empty_one() {
        let one = "<item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><status>completed</status>\
                   <startTime>2026-05-01T10:00:00Z</startTime><volumeSize>8</volumeSize><storageTier>archive</storageTier>\
                   <fullSnapshotSizeInBytes>1024</fullSnapshotSizeInBytes>\
                   <description>Created by CreateImage(i-1) for ami-1 from vol-1</description></item>";
        let two = "<item><snapshotId>snap-2</snapshotId><ownerId>999988887777</ownerId><status>pending</status></item>";
        let snapshots = collected::<Snapshot>(vec![
            Reply::ok("RestorableBy.1=self", page("DescribeSnapshots", "snapshotSet", one, Some("t1"))),
            Reply::ok("NextToken=t1", page("DescribeSnapshots", "snapshotSet", "", Some("t2"))),
            Reply::ok("NextToken=t2", page("DescribeSnapshots", "snapshotSet", two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(snapshots.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["snap-1", "snap-2"]);
        assert_eq!(snapshots.iter().map(|it| it.is_of_another).collect::<Vec<_>>(), [false, true]);
        assert!(snapshots[0].is_completed() && !snapshots[1].is_completed());
        assert_eq!((snapshots[0].full_size_bytes, snapshots[0].volume_size_gib), (Some(1024), Some(8)));
        assert_eq!((snapshots[0].storage_tier.as_deref(), snapshots[1].full_size_bytes), (Some("archive"), None));
        assert_eq!((snapshots[0].made_for_image(), snapshots[1].made_for_image()), (Some("ami-1"), None));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Snapshot>("DescribeSnapshots").await;
    }
}
