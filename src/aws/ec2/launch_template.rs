//! Launch templates, in all their versions.

use aws_sdk_ec2::types::LaunchTemplateInstanceNetworkInterfaceSpecification as Interface;
use jiff::Timestamp;

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
    timestamp,
};

static DESCRIBE_LAUNCH_TEMPLATES: Action = Action::new(&EC2, "DescribeLaunchTemplates");
static DESCRIBE_LAUNCH_TEMPLATE_VERSIONS: Action = Action::new(&EC2, "DescribeLaunchTemplateVersions");

/// A launch template with all its versions.
#[derive(Clone, Debug)]
pub(crate) struct LaunchTemplate {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    /// The ARN of who made it.
    pub(crate) created_by: Option<String>,
    /// The service that manages it, where one does.
    pub(crate) operator: Option<String>,
    pub(crate) versions: Vec<LaunchTemplateVersion>,
    pub(crate) tags: Tags,
}

/// What one version of a launch template names.
#[derive(Clone, Debug)]
pub(crate) struct LaunchTemplateVersion {
    pub(crate) created: Option<Timestamp>,
    /// An image id, or `resolve:ssm:` and the parameter that holds one.
    pub(crate) image_id: Option<String>,
    /// The snapshots its block devices are made from.
    pub(crate) snapshot_ids: Vec<String>,
    /// The security groups, by id or by name.
    pub(crate) security_groups: Vec<String>,
}

impl LaunchTemplate {
    /// When its newest version was made. `None` when AWS did not say it of each.
    pub(crate) fn changed(&self) -> Option<Timestamp> {
        let times: Option<Vec<_>> = self.versions.iter().map(|it| it.created).collect();
        times?.into_iter().max()
    }
}

impl Resource for LaunchTemplate {
    const TYPE: &'static str = "AWS::EC2::LaunchTemplate";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("launch-template/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for LaunchTemplate {
    const NAME: &'static str = "ec2::LaunchTemplate";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LAUNCH_TEMPLATES, &DESCRIBE_LAUNCH_TEMPLATE_VERSIONS];
}

impl Collect for LaunchTemplate {
    /// AWS lists the versions of all templates together only for `$Latest` and `$Default`, so each template is asked.
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut templates = Vec::new();
        let send = |token| {
            at.ec2()
                .describe_launch_templates()
                .include_managed_resources(true)
                .max_results(200)
                .set_next_token(token)
                .send()
        };
        at.pages(&DESCRIBE_LAUNCH_TEMPLATES, send, |page| {
            templates.extend(page.launch_templates().iter().filter_map(template));
            page.next_token
        })
        .await?;
        for template in &mut templates {
            template.versions = versions(at, &template.id).await?;
        }
        Ok(templates)
    }
}

fn template(it: &aws_sdk_ec2::types::LaunchTemplate) -> Option<LaunchTemplate> {
    let operator = it.operator().filter(|it| it.managed() == Some(true));
    Some(LaunchTemplate {
        id: said(it.launch_template_id())?,
        name: said(it.launch_template_name()),
        created_by: said(it.created_by()),
        operator: operator.map(|it| it.principal().unwrap_or_default().to_owned()),
        versions: Vec::new(),
        tags: tags_of(it.tags()),
    })
}

async fn versions(at: &Place, template: &str) -> Result<Vec<LaunchTemplateVersion>, Problem> {
    let mut versions = Vec::new();
    let send = |token| {
        at.ec2()
            .describe_launch_template_versions()
            .launch_template_id(template)
            .include_managed_resources(true)
            .max_results(200)
            .set_next_token(token)
            .send()
    };
    at.pages(&DESCRIBE_LAUNCH_TEMPLATE_VERSIONS, send, |page| {
        versions.extend(page.launch_template_versions().iter().map(version));
        page.next_token
    })
    .await?;
    Ok(versions)
}

fn version(it: &aws_sdk_ec2::types::LaunchTemplateVersion) -> LaunchTemplateVersion {
    let data = it.launch_template_data();
    let devices = data
        .into_iter()
        .flat_map(aws_sdk_ec2::types::ResponseLaunchTemplateData::block_device_mappings)
        .filter_map(|it| it.ebs());
    let groups = data.into_iter().flat_map(|it| {
        let of_interfaces = it.network_interfaces().iter().flat_map(Interface::groups);
        it.security_group_ids().iter().chain(it.security_groups()).chain(of_interfaces)
    });
    LaunchTemplateVersion {
        created: timestamp(it.create_time()),
        image_id: data.and_then(|it| said(it.image_id())),
        snapshot_ids: devices.filter_map(|it| said(it.snapshot_id())).collect(),
        security_groups: groups.cloned().collect(),
    }
}

#[cfg(test)]
impl LaunchTemplate {
    /// A template of one version, made 200 days ago, that names an image and no snapshot.
    pub(crate) fn of(image_id: &str) -> Self {
        Self { versions: vec![LaunchTemplateVersion::of(image_id)], ..Self::example("lt-1") }
    }

    /// A template that a user made 200 days ago, named after its id.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: Some(format!("name of {id}")),
            created_by: Some("arn:aws:iam::111122223333:user/someone".to_owned()),
            operator: None,
            versions: vec![LaunchTemplateVersion::of("ami-1")],
            tags: Tags::new(),
        }
    }
}

#[cfg(test)]
impl LaunchTemplateVersion {
    /// A version that names an image and no snapshot.
    pub(crate) fn of(image_id: &str) -> Self {
        let created = crate::check::testing::days_ago(200);
        let image_id = Some(image_id.to_owned());
        Self { created, image_id, snapshot_ids: Vec::new(), security_groups: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::{
        problem::Class,
        replies::{Reply, collected, ec2_denied},
    };

    fn templates_page(ids: &[&str], token: Option<&str>) -> String {
        let items: Vec<_> =
            ids.iter().map(|it| format!("<item><launchTemplateId>{it}</launchTemplateId></item>")).collect();
        page("DescribeLaunchTemplates", "launchTemplates", &items.concat(), token)
    }

    fn versions_page(number: i64, data: &str, token: Option<&str>) -> String {
        let item = format!(
            "<item><versionNumber>{number}</versionNumber><createTime>2026-05-0{number}T10:00:00Z</createTime><launchTemplateData>{data}</launchTemplateData></item>"
        );
        page("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", &item, token)
    }

    #[tokio::test]
    async fn every_version_of_every_template_is_read() {
        let devices =
            "<blockDeviceMappingSet><item><ebs><snapshotId>snap-1</snapshotId></ebs></item></blockDeviceMappingSet>";
        let templates = collected::<LaunchTemplate>(vec![
            Reply::ok("Action=DescribeLaunchTemplates", templates_page(&["lt-1"], Some("t1"))),
            Reply::ok("NextToken=t1", templates_page(&[], Some("t2"))),
            Reply::ok("NextToken=t2", templates_page(&["lt-2"], None)),
            Reply::ok(
                "LaunchTemplateId=lt-1",
                versions_page(
                    2,
                    "<imageId>ami-2</imageId><securityGroupIdSet><item>sg-1</item></securityGroupIdSet>\
                   <securityGroupSet><item>web</item></securityGroupSet><networkInterfaceSet><item><groupSet>\
                   <groupId>sg-2</groupId></groupSet></item></networkInterfaceSet>",
                    Some("v1"),
                ),
            ),
            Reply::ok("NextToken=v1", versions_page(1, "<imageId>resolve:ssm:/golden</imageId>", None)),
            Reply::ok("LaunchTemplateId=lt-2", versions_page(1, devices, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = templates.as_slice() else { panic!("two templates, not {templates:?}") };
        let images: Vec<_> = one.versions.iter().map(|it| it.image_id.as_deref()).collect();
        assert_eq!(images, [Some("ami-2"), Some("resolve:ssm:/golden")]);
        assert_eq!(one.changed().map(|it| it.to_string()).as_deref(), Some("2026-05-02T10:00:00Z"));
        assert_eq!(two.versions[0].snapshot_ids, ["snap-1"]);
        assert_eq!(one.versions[0].security_groups, ["sg-1", "web", "sg-2"]);
        assert_eq!((two.name.as_deref(), two.operator.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn who_made_and_who_manages_a_template_is_read() {
        let more = "<launchTemplateId>lt-1</launchTemplateId><launchTemplateName>nodes</launchTemplateName>\
                    <createdBy>arn:aws:iam::111122223333:user/someone</createdBy>\
                    <operator><managed>true</managed><principal>eks.amazonaws.com</principal></operator>\
                    <tagSet><item><key>team</key><value>web</value></item></tagSet>";
        let item = format!("<item>{more}</item>");
        let version = "<item><versionNumber>1</versionNumber></item>";
        let templates = collected::<LaunchTemplate>(vec![
            Reply::ok("IncludeManagedResources=true", page("DescribeLaunchTemplates", "launchTemplates", &item, None)),
            Reply::ok("lt-1", page("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", version, None)),
        ])
        .await
        .expect("collected");
        let it = &templates[0];
        assert_eq!((it.name.as_deref(), it.operator.as_deref()), (Some("nodes"), Some("eks.amazonaws.com")));
        assert_eq!(it.created_by.as_deref(), Some("arn:aws:iam::111122223333:user/someone"));
        assert_eq!((it.tags.get("team").map(String::as_str), it.changed()), (Some("web"), None));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<LaunchTemplate>("DescribeLaunchTemplates").await;
    }

    #[tokio::test]
    async fn a_template_whose_versions_may_not_be_read_is_a_problem() {
        let problem = collected::<LaunchTemplate>(vec![
            Reply::ok("Action=DescribeLaunchTemplates", templates_page(&["lt-1"], None)),
            ec2_denied("DescribeLaunchTemplateVersions"),
        ])
        .await
        .expect_err("denied");
        assert_eq!(
            (problem.class, problem.action.as_str()),
            (Class::AccessDenied, "ec2:DescribeLaunchTemplateVersions")
        );
    }
}
