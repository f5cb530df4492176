//! Machine images (AMIs), and who else may launch them.

use aws_sdk_ec2::types::ImageAttributeName;
use jiff::Timestamp;

use super::{arn_without_account, has_manager, said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Question, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_IMAGES: Action = Action::new(&EC2, "DescribeImages");
static DESCRIBE_IMAGE_ATTRIBUTE: Action = Action::new(&EC2, "DescribeImageAttribute");

/// A machine image that the account owns, deprecated and disabled ones included.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// `available` when it can be launched.
    pub(crate) state: Option<String>,
    pub(crate) created: Option<Timestamp>,
    /// When an instance was last launched from it. AWS says so a day late, and nothing of launches before April 2017.
    pub(crate) last_launched: Option<Timestamp>,
    /// Whether any account may launch it.
    pub(crate) public: Option<bool>,
    /// The snapshots its block devices are made from.
    pub(crate) snapshot_ids: Vec<String>,
    pub(crate) tags: Tags,
}

impl Image {
    /// Whether it can be launched.
    pub(crate) fn is_available(&self) -> bool {
        self.state.as_deref() == Some("available")
    }

    /// Whether AWS Backup or Data Lifecycle Manager made it and will remove it.
    pub(crate) fn is_managed(&self) -> bool {
        has_manager(&self.tags) || self.name.as_deref().is_some_and(|it| it.starts_with("AwsBackup_"))
    }
}

impl Resource for Image {
    const TYPE: &'static str = "AWS::EC2::Image";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        arn_without_account(at, &format!("image/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for Image {
    const NAME: &'static str = "ec2::Image";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_IMAGES];
}

impl Collect for Image {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut images = Vec::new();
        let send = |token| {
            at.ec2()
                .describe_images()
                .owners("self")
                .include_deprecated(true)
                .include_disabled(true)
                .max_results(1000)
                .set_next_token(token)
                .send()
        };
        at.pages(&DESCRIBE_IMAGES, send, |page| {
            images.extend(page.images().iter().filter_map(image));
            page.next_token
        })
        .await?;
        Ok(images)
    }
}

fn image(it: &aws_sdk_ec2::types::Image) -> Option<Image> {
    let devices = it.block_device_mappings().iter().filter_map(|it| it.ebs());
    Some(Image {
        id: it.image_id()?.to_owned(),
        name: said(it.name()),
        state: it.state().map(|it| it.as_str().to_owned()),
        created: moment(it.creation_date()),
        last_launched: moment(it.last_launched_time()),
        public: it.public(),
        snapshot_ids: devices.filter_map(|it| said(it.snapshot_id())).collect(),
        tags: tags_of(it.tags()),
    })
}

/// A time that AWS gives as text. `None` for what AWS did not say or said wrongly.
fn moment(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// Who else may launch an image: account ids, ARNs of organizations and their units, and `all`.
#[derive(Debug)]
pub(crate) struct LaunchPermissions {
    pub(crate) image_id: String,
}

impl Declared for LaunchPermissions {
    const NAME: &'static str = "ec2::LaunchPermissions";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_IMAGE_ATTRIBUTE];
}

impl Question for LaunchPermissions {
    type Answer = Vec<String>;

    fn bytes(&self, answer: &Vec<String>) -> usize {
        answer.iter().map(|it| size_of::<String>() + it.capacity()).sum()
    }

    async fn ask(&self, at: &Place) -> Result<Vec<String>, Problem> {
        let send = || {
            at.ec2()
                .describe_image_attribute()
                .attribute(ImageAttributeName::LaunchPermission)
                .image_id(&self.image_id)
                .send()
        };
        let said = at.call(&DESCRIBE_IMAGE_ATTRIBUTE, send).await?;
        Ok(said.launch_permissions().iter().filter_map(grantee).collect())
    }
}

fn grantee(it: &aws_sdk_ec2::types::LaunchPermission) -> Option<String> {
    let group = it.group().map(aws_sdk_ec2::types::PermissionGroup::as_str);
    said(group.or(it.user_id()).or(it.organization_arn()).or(it.organizational_unit_arn()))
}

#[cfg(test)]
impl Image {
    /// An image with one snapshot, `snap-` and its id, made 200 days ago and launched today.
    pub(crate) fn example(id: &str) -> Self {
        Self { last_launched: Some(crate::check::testing::now()), ..Self::idle(id) }
    }

    /// The same, never launched.
    pub(crate) fn idle(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: Some("web-server".to_owned()),
            state: Some("available".to_owned()),
            created: crate::check::testing::days_ago(200),
            last_launched: None,
            public: Some(false),
            snapshot_ids: vec![format!("snap-{id}")],
            tags: Tags::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::{
        problem::Class,
        replies::{Reply, answered, collected, ec2_denied},
    };

    #[tokio::test]
    async fn every_page_of_own_images_is_read_also_past_an_empty_one() {
        let one = "<item><imageId>ami-1</imageId><name>web</name><imageState>available</imageState><isPublic>false</isPublic>\
                   <creationDate>2026-05-01T10:00:00.000Z</creationDate><lastLaunchedTime>2026-06-01T10:00:00Z</lastLaunchedTime>\
                   <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>snap-1</snapshotId></ebs></item>\
                   <item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item></blockDeviceMapping></item>";
        let two =
            "<item><imageId>ami-2</imageId><imageState>disabled</imageState><creationDate>lately</creationDate></item>";
        let images = collected::<Image>(vec![
            Reply::ok("Owner.1=self", page("DescribeImages", "imagesSet", one, Some("t1"))),
            Reply::ok("NextToken=t1", page("DescribeImages", "imagesSet", "", Some("t2"))),
            Reply::ok("NextToken=t2", page("DescribeImages", "imagesSet", two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(images.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["ami-1", "ami-2"]);
        assert!(images[0].is_available() && !images[1].is_available());
        assert_eq!(images[0].created.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!(images[0].last_launched.map(|it| it.to_string()).as_deref(), Some("2026-06-01T10:00:00Z"));
        assert_eq!(images[0].snapshot_ids, ["snap-1"]);
        assert_eq!((images[1].created, images[1].last_launched, images[1].public), (None, None, None));
    }

    #[tokio::test]
    async fn deprecated_and_disabled_images_are_asked_for() {
        let empty = || page("DescribeImages", "imagesSet", "", None);
        collected::<Image>(vec![Reply::ok("IncludeDeprecated=true", empty())]).await.expect("collected");
        collected::<Image>(vec![Reply::ok("IncludeDisabled=true", empty())]).await.expect("collected");
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Image>("DescribeImages").await;
    }

    #[tokio::test]
    async fn everyone_who_may_launch_an_image_is_named() {
        let body = "<DescribeImageAttributeResponse><imageId>ami-1</imageId><launchPermission><item><group>all</group></item>\
                    <item><userId>444455556666</userId></item>\
                    <item><organizationArn>arn:aws:organizations::1:organization/o-1</organizationArn></item>\
                    </launchPermission></DescribeImageAttributeResponse>";
        let question = LaunchPermissions { image_id: "ami-1".to_owned() };
        let (answer, _) = answered(question, vec![Reply::ok("Attribute=launchPermission", body)]).await;
        let expected = ["all", "444455556666", "arn:aws:organizations::1:organization/o-1"];
        assert_eq!(answer.expect("answered"), expected);
    }

    #[tokio::test]
    async fn denied_permissions_are_not_no_permissions() {
        let question = LaunchPermissions { image_id: "ami-1".to_owned() };
        let (answer, _) = answered(question, vec![ec2_denied("DescribeImageAttribute")]).await;
        assert_eq!(answer.expect_err("denied").class, Class::AccessDenied);
    }
}
