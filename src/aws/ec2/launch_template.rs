//! Launch templates, in all their versions.

use aws_sdk_ec2::types::LaunchTemplateInstanceNetworkInterfaceSpecification as Interface;

use super::said;
use crate::aws::{
    Collect, Declared, Place,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_LAUNCH_TEMPLATES: Action = Action::new(&EC2, "DescribeLaunchTemplates");
static DESCRIBE_LAUNCH_TEMPLATE_VERSIONS: Action = Action::new(&EC2, "DescribeLaunchTemplateVersions");

/// What one version of a launch template names.
#[derive(Clone, Debug)]
pub(crate) struct LaunchTemplateVersion {
    /// An image id, or `resolve:ssm:` and the parameter that holds one.
    pub(crate) image_id: Option<String>,
    /// The snapshots its block devices are made from.
    pub(crate) snapshot_ids: Vec<String>,
    /// The security groups, by id or by name.
    pub(crate) security_groups: Vec<String>,
}

impl Declared for LaunchTemplateVersion {
    const NAME: &'static str = "ec2::LaunchTemplateVersion";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LAUNCH_TEMPLATES, &DESCRIBE_LAUNCH_TEMPLATE_VERSIONS];
}

impl Collect for LaunchTemplateVersion {
    /// AWS lists the versions of all templates together only for `$Latest` and `$Default`, so each template is asked.
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut versions = Vec::new();
        for template in templates(at).await? {
            let send = |token| {
                at.ec2()
                    .describe_launch_template_versions()
                    .launch_template_id(&template)
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
        }
        Ok(versions)
    }
}

async fn templates(at: &Place) -> Result<Vec<String>, Problem> {
    let mut ids = Vec::new();
    let send = |token| {
        at.ec2()
            .describe_launch_templates()
            .include_managed_resources(true)
            .max_results(200)
            .set_next_token(token)
            .send()
    };
    at.pages(&DESCRIBE_LAUNCH_TEMPLATES, send, |page| {
        ids.extend(page.launch_templates().iter().filter_map(|it| said(it.launch_template_id())));
        page.next_token
    })
    .await?;
    Ok(ids)
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
        image_id: data.and_then(|it| said(it.image_id())),
        snapshot_ids: devices.filter_map(|it| said(it.snapshot_id())).collect(),
        security_groups: groups.cloned().collect(),
    }
}

#[cfg(test)]
impl LaunchTemplateVersion {
    /// A version that names an image and no snapshot.
    pub(crate) fn of(image_id: &str) -> Self {
        Self { image_id: Some(image_id.to_owned()), snapshot_ids: Vec::new(), security_groups: Vec::new() }
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
            "<item><versionNumber>{number}</versionNumber><launchTemplateData>{data}</launchTemplateData></item>"
        );
        page("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", &item, token)
    }

    #[tokio::test]
    async fn every_version_of_every_template_is_read() {
        let devices =
            "<blockDeviceMappingSet><item><ebs><snapshotId>snap-1</snapshotId></ebs></item></blockDeviceMappingSet>";
        let versions = collected::<LaunchTemplateVersion>(vec![
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
        let images: Vec<_> = versions.iter().map(|it| it.image_id.as_deref()).collect();
        assert_eq!(images, [Some("ami-2"), Some("resolve:ssm:/golden"), None]);
        assert_eq!(versions[0].security_groups, ["sg-1", "web", "sg-2"]);
        assert_eq!(versions[2].snapshot_ids, ["snap-1"]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<LaunchTemplateVersion>("DescribeLaunchTemplates").await;
    }

    #[tokio::test]
    async fn a_template_whose_versions_may_not_be_read_is_a_problem() {
        let problem = collected::<LaunchTemplateVersion>(vec![
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
