//! Amazon EC2 Auto Scaling: groups and launch configurations.

use super::{
    Collect, Declared, Place,
    action::{AUTO_SCALING, Action},
    problem::Problem,
};

static DESCRIBE_AUTO_SCALING_GROUPS: Action = Action::new(&AUTO_SCALING, "DescribeAutoScalingGroups");
static DESCRIBE_LAUNCH_CONFIGURATIONS: Action = Action::new(&AUTO_SCALING, "DescribeLaunchConfigurations");

/// An Auto Scaling group.
#[derive(Clone, Debug)]
pub(crate) struct AutoScalingGroup {
    /// The target groups that it registers its instances in.
    pub(crate) target_group_arns: Vec<String>,
    /// The ids and names of its launch templates, those of a mixed instances policy and of its overrides included.
    pub(crate) launch_templates: Vec<String>,
}

impl Declared for AutoScalingGroup {
    const NAME: &'static str = "auto_scaling::AutoScalingGroup";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_AUTO_SCALING_GROUPS];
}

impl Collect for AutoScalingGroup {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut groups = Vec::new();
        let send =
            |token| at.autoscaling().describe_auto_scaling_groups().max_records(100).set_next_token(token).send();
        at.pages(&DESCRIBE_AUTO_SCALING_GROUPS, send, |page| {
            groups.extend(page.auto_scaling_groups().iter().map(auto_scaling_group));
            page.next_token
        })
        .await?;
        Ok(groups)
    }
}

fn auto_scaling_group(it: &aws_sdk_autoscaling::types::AutoScalingGroup) -> AutoScalingGroup {
    let sources = it.traffic_sources().iter().filter_map(|it| it.identifier());
    let target_group_arns = it.target_group_arns().iter().map(String::as_str).chain(sources);
    let policy = it.mixed_instances_policy().and_then(|it| it.launch_template());
    let overrides = policy.map(aws_sdk_autoscaling::types::LaunchTemplate::overrides).unwrap_or_default().iter();
    // Instances that are not replaced yet keep the template they were launched from.
    let of_instances = it.instances().iter().filter_map(|it| it.launch_template());
    let templates = (it.launch_template().into_iter())
        .chain(policy.and_then(|it| it.launch_template_specification()))
        .chain(overrides.filter_map(|it| it.launch_template_specification()))
        .chain(of_instances);
    let names = templates.flat_map(|it| [it.launch_template_id(), it.launch_template_name()]).flatten();
    AutoScalingGroup {
        target_group_arns: target_group_arns.map(str::to_owned).collect(),
        launch_templates: names.filter(|it| !it.is_empty()).map(str::to_owned).collect(),
    }
}

/// A launch configuration: what came before launch templates, and still works.
#[derive(Clone, Debug)]
pub(crate) struct LaunchConfiguration {
    pub(crate) image_id: Option<String>,
    /// The snapshots its block devices are made from.
    pub(crate) snapshot_ids: Vec<String>,
    /// The security groups, by id or by name.
    pub(crate) security_groups: Vec<String>,
}

impl Declared for LaunchConfiguration {
    const NAME: &'static str = "auto_scaling::LaunchConfiguration";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_LAUNCH_CONFIGURATIONS];
}

impl Collect for LaunchConfiguration {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut configurations = Vec::new();
        let send =
            |token| at.autoscaling().describe_launch_configurations().max_records(100).set_next_token(token).send();
        at.pages(&DESCRIBE_LAUNCH_CONFIGURATIONS, send, |page| {
            configurations.extend(page.launch_configurations().iter().map(launch_configuration));
            page.next_token
        })
        .await?;
        Ok(configurations)
    }
}

fn launch_configuration(it: &aws_sdk_autoscaling::types::LaunchConfiguration) -> LaunchConfiguration {
    let snapshots = it.block_device_mappings().iter().filter_map(|it| it.ebs()?.snapshot_id());
    LaunchConfiguration {
        image_id: it.image_id().filter(|it| !it.is_empty()).map(str::to_owned),
        snapshot_ids: snapshots.filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        security_groups: it.security_groups().to_vec(),
    }
}

#[cfg(test)]
impl AutoScalingGroup {
    /// A group that launches from one template.
    pub(crate) fn of(template: &str) -> Self {
        Self { target_group_arns: Vec::new(), launch_templates: vec![template.to_owned()] }
    }
}

#[cfg(test)]
impl LaunchConfiguration {
    /// A configuration that names an image and no snapshot.
    pub(crate) fn of(image_id: &str) -> Self {
        Self { image_id: Some(image_id.to_owned()), snapshot_ids: Vec::new(), security_groups: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, collected},
    };

    fn page(items: &str, token: Option<&str>) -> String {
        let token = token.map(|it| format!("<NextToken>{it}</NextToken>")).unwrap_or_default();
        format!(
            "<DescribeLaunchConfigurationsResponse><DescribeLaunchConfigurationsResult><LaunchConfigurations>{items}\
             </LaunchConfigurations>{token}</DescribeLaunchConfigurationsResult></DescribeLaunchConfigurationsResponse>"
        )
    }

    #[tokio::test]
    async fn every_page_of_launch_configurations_is_read_also_past_an_empty_one() {
        let one = "<member><LaunchConfigurationName>a</LaunchConfigurationName><ImageId>ami-1</ImageId>\
                   <SecurityGroups><member>sg-1</member></SecurityGroups><BlockDeviceMappings>\
                   <member><DeviceName>/dev/sdb</DeviceName><Ebs><SnapshotId>snap-1</SnapshotId></Ebs></member>\
                   </BlockDeviceMappings></member>";
        let two = "<member><LaunchConfigurationName>b</LaunchConfigurationName><ImageId></ImageId></member>";
        let configurations = collected::<LaunchConfiguration>(vec![
            Reply::ok("Action=DescribeLaunchConfigurations", page(one, Some("t1"))),
            Reply::ok("NextToken=t1", page("", Some("t2"))),
            Reply::ok("NextToken=t2", page(two, None)),
        ])
        .await
        .expect("collected");
        let images: Vec<_> = configurations.iter().map(|it| it.image_id.as_deref()).collect();
        assert_eq!(images, [Some("ami-1"), None]);
        assert_eq!(configurations[0].snapshot_ids, ["snap-1"]);
        assert_eq!(configurations[0].security_groups, ["sg-1"]);
    }

    fn groups_page(items: &str, token: Option<&str>) -> String {
        let token = token.map(|it| format!("<NextToken>{it}</NextToken>")).unwrap_or_default();
        format!(
            "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups>{items}\
             </AutoScalingGroups>{token}</DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
        )
    }

    #[tokio::test]
    async fn every_page_of_groups_is_read_also_past_an_empty_one() {
        let specification = |name: &str| {
            format!(
                "<LaunchTemplateSpecification><LaunchTemplateName>{name}</LaunchTemplateName></LaunchTemplateSpecification>"
            )
        };
        let one = "<member><LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><LaunchTemplateName>plain</LaunchTemplateName>\
                   </LaunchTemplate><Instances><member><LaunchTemplate><LaunchTemplateId>lt-0</LaunchTemplateId></LaunchTemplate>\
                   </member></Instances></member>";
        let targets = "<TargetGroupARNs><member>arn:1</member></TargetGroupARNs><TrafficSources><member>\
                       <Identifier>arn:2</Identifier><Type>elbv2</Type></member></TrafficSources>";
        let two = format!(
            "<member>{targets}<MixedInstancesPolicy><LaunchTemplate>{}<Overrides><member>{}</member></Overrides></LaunchTemplate>\
             </MixedInstancesPolicy></member><member><LaunchConfigurationName>old</LaunchConfigurationName></member>",
            specification("main"),
            specification("override")
        );
        let groups = collected::<AutoScalingGroup>(vec![
            Reply::ok("Action=DescribeAutoScalingGroups", groups_page(one, Some("t1"))),
            Reply::ok("NextToken=t1", groups_page("", Some("t2"))),
            Reply::ok("NextToken=t2", groups_page(&two, None)),
        ])
        .await
        .expect("collected");
        let templates: Vec<_> = groups.iter().map(|it| it.launch_templates.join(" ")).collect();
        assert_eq!(templates, ["lt-1 plain lt-0", "main override", ""]);
        let arns: Vec<_> = groups.iter().map(|it| it.target_group_arns.join(" ")).collect();
        assert_eq!(arns, ["", "arn:1 arn:2", ""]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no identity-based policy allows \
                    it</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        let denied = Reply::ok("DescribeLaunchConfigurations", body).status(403);
        let problem = collected::<LaunchConfiguration>(vec![denied]).await.expect_err("denied");
        assert_eq!(problem.class, Class::AccessDenied);
        assert_eq!(problem.action, "autoscaling:DescribeLaunchConfigurations");
        let denied = Reply::ok("DescribeAutoScalingGroups", body).status(403);
        let problem = collected::<AutoScalingGroup>(vec![denied]).await.expect_err("denied");
        assert_eq!(problem.action, "autoscaling:DescribeAutoScalingGroups");
    }
}
