//! Spot: fleet requests and single requests, for the images they launch.

use super::said;
use crate::aws::{
    Collect, Declared, Place,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_SPOT_FLEET_REQUESTS: Action = Action::new(&EC2, "DescribeSpotFleetRequests");
static DESCRIBE_SPOT_INSTANCE_REQUESTS: Action = Action::new(&EC2, "DescribeSpotInstanceRequests");

/// A spot fleet request. AWS lists ended ones for 48 hours.
#[derive(Clone, Debug)]
pub(crate) struct SpotFleetRequest {
    /// `active`, `submitted`, `modifying`, `cancelled`, ...
    pub(crate) state: Option<String>,
    /// The images of its launch specifications. Those of its launch templates are not among them.
    pub(crate) image_ids: Vec<String>,
    /// The ids and names of its launch templates: AWS gives what was asked for by.
    pub(crate) launch_templates: Vec<String>,
}

impl SpotFleetRequest {
    /// Whether it has ended and launches nothing any more.
    pub(crate) fn has_ended(&self) -> bool {
        let ended = ["cancelled", "cancelled_running", "cancelled_terminating", "failed"];
        self.state.as_deref().is_some_and(|it| ended.contains(&it))
    }
}

impl Declared for SpotFleetRequest {
    const NAME: &'static str = "ec2::SpotFleetRequest";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_SPOT_FLEET_REQUESTS];
}

impl Collect for SpotFleetRequest {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut requests = Vec::new();
        let send = |token| at.ec2().describe_spot_fleet_requests().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_SPOT_FLEET_REQUESTS, send, |page| {
            requests.extend(page.spot_fleet_request_configs().iter().map(fleet_request));
            page.next_token
        })
        .await?;
        Ok(requests)
    }
}

fn fleet_request(it: &aws_sdk_ec2::types::SpotFleetRequestConfig) -> SpotFleetRequest {
    let config = it.spot_fleet_request_config();
    let specifications =
        config.map(aws_sdk_ec2::types::SpotFleetRequestConfigData::launch_specifications).unwrap_or_default().iter();
    let templates =
        config.map(aws_sdk_ec2::types::SpotFleetRequestConfigData::launch_template_configs).unwrap_or_default().iter();
    SpotFleetRequest {
        state: it.spot_fleet_request_state().map(|it| it.as_str().to_owned()),
        image_ids: specifications.filter_map(|it| said(it.image_id())).collect(),
        launch_templates: templates.filter_map(|it| it.launch_template_specification()).flat_map(template).collect(),
    }
}

/// What names a launch template: its id, its name, or both.
pub(super) fn template(it: &aws_sdk_ec2::types::FleetLaunchTemplateSpecification) -> impl Iterator<Item = String> {
    said(it.launch_template_id()).into_iter().chain(said(it.launch_template_name()))
}

/// A request for spot instances. AWS lists ended ones for a few hours.
#[derive(Clone, Debug)]
pub(crate) struct SpotInstanceRequest {
    /// `open`, `active`, `disabled`, `closed`, `cancelled`, `failed`.
    pub(crate) state: Option<String>,
    pub(crate) image_id: Option<String>,
}

impl SpotInstanceRequest {
    /// Whether it has ended and launches nothing any more. A disabled request is one whose instance is stopped.
    pub(crate) fn has_ended(&self) -> bool {
        self.state.as_deref().is_some_and(|it| ["closed", "cancelled", "failed"].contains(&it))
    }
}

impl Declared for SpotInstanceRequest {
    const NAME: &'static str = "ec2::SpotInstanceRequest";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_SPOT_INSTANCE_REQUESTS];
}

impl Collect for SpotInstanceRequest {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut requests = Vec::new();
        let send = |token| at.ec2().describe_spot_instance_requests().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_SPOT_INSTANCE_REQUESTS, send, |page| {
            requests.extend(page.spot_instance_requests().iter().map(instance_request));
            page.next_token
        })
        .await?;
        Ok(requests)
    }
}

fn instance_request(it: &aws_sdk_ec2::types::SpotInstanceRequest) -> SpotInstanceRequest {
    SpotInstanceRequest {
        state: it.state().map(|it| it.as_str().to_owned()),
        image_id: it.launch_specification().and_then(|it| said(it.image_id())),
    }
}

#[cfg(test)]
impl SpotFleetRequest {
    /// An active request that launches one image.
    pub(crate) fn of(image_id: &str) -> Self {
        Self { state: Some("active".to_owned()), image_ids: vec![image_id.to_owned()], launch_templates: Vec::new() }
    }
}

#[cfg(test)]
impl SpotInstanceRequest {
    /// An open request for an image.
    pub(crate) fn of(image_id: &str) -> Self {
        Self { state: Some("open".to_owned()), image_id: Some(image_id.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_fleet_requests_is_read_also_past_an_empty_one() {
        let one = "<item><spotFleetRequestId>sfr-1</spotFleetRequestId><spotFleetRequestState>active</spotFleetRequestState>\
                   <spotFleetRequestConfig><launchSpecifications><item><imageId>ami-1</imageId></item>\
                   <item><imageId>ami-2</imageId></item></launchSpecifications><launchTemplateConfigs><item>\
                   <launchTemplateSpecification><launchTemplateId>lt-1</launchTemplateId><version>1</version>\
                   </launchTemplateSpecification></item></launchTemplateConfigs></spotFleetRequestConfig></item>";
        let two = "<item><spotFleetRequestState>cancelled_running</spotFleetRequestState></item>";
        let list = |items, token| page("DescribeSpotFleetRequests", "spotFleetRequestConfigSet", items, token);
        let requests = collected::<SpotFleetRequest>(vec![
            Reply::ok("Action=DescribeSpotFleetRequests", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(requests[0].image_ids, ["ami-1", "ami-2"]);
        assert_eq!(requests[0].launch_templates, ["lt-1"]);
        assert_eq!(requests.iter().map(SpotFleetRequest::has_ended).collect::<Vec<_>>(), [false, true]);
    }

    #[tokio::test]
    async fn every_page_of_instance_requests_is_read_also_past_an_empty_one() {
        let one =
            "<item><state>disabled</state><launchSpecification><imageId>ami-1</imageId></launchSpecification></item>";
        let two = "<item><state>closed</state></item><item><spotInstanceRequestId>sir-3</spotInstanceRequestId></item>";
        let list = |items, token| page("DescribeSpotInstanceRequests", "spotInstanceRequestSet", items, token);
        let requests = collected::<SpotInstanceRequest>(vec![
            Reply::ok("Action=DescribeSpotInstanceRequests", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(requests[0].image_id.as_deref(), Some("ami-1"));
        assert_eq!(requests.iter().map(SpotInstanceRequest::has_ended).collect::<Vec<_>>(), [false, true, false]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<SpotFleetRequest>("DescribeSpotFleetRequests").await;
        is_a_problem_when_denied::<SpotInstanceRequest>("DescribeSpotInstanceRequests").await;
    }
}
