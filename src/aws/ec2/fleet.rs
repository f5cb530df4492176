//! EC2 fleets, for the launch templates they launch from.

use super::spot;
use crate::aws::{
    Collect, Declared, Place,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_FLEETS: Action = Action::new(&EC2, "DescribeFleets");

/// An EC2 fleet. AWS does not list those of type `instant`, which launch once and are done.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    /// `active`, `submitted`, `modifying`, `deleted`, ...
    pub(crate) state: Option<String>,
    /// The ids and names of its launch templates: AWS gives what was asked for by.
    pub(crate) launch_templates: Vec<String>,
}

impl Fleet {
    /// Whether it has ended and launches nothing any more.
    pub(crate) fn has_ended(&self) -> bool {
        let ended = ["deleted", "deleted_running", "deleted_terminating", "failed"];
        self.state.as_deref().is_some_and(|it| ended.contains(&it))
    }
}

impl Declared for Fleet {
    const NAME: &'static str = "ec2::Fleet";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_FLEETS];
}

impl Collect for Fleet {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut fleets = Vec::new();
        let send = |token| at.ec2().describe_fleets().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_FLEETS, send, |page| {
            fleets.extend(page.fleets().iter().map(fleet));
            page.next_token
        })
        .await?;
        Ok(fleets)
    }
}

fn fleet(it: &aws_sdk_ec2::types::FleetData) -> Fleet {
    let templates = it.launch_template_configs().iter().filter_map(|it| it.launch_template_specification());
    Fleet {
        state: it.fleet_state().map(|it| it.as_str().to_owned()),
        launch_templates: templates.flat_map(spot::template).collect(),
    }
}

#[cfg(test)]
impl Fleet {
    /// An active fleet that launches from one template.
    pub(crate) fn of(template: &str) -> Self {
        Self { state: Some("active".to_owned()), launch_templates: vec![template.to_owned()] }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_fleets_is_read_also_past_an_empty_one() {
        let one = "<item><fleetId>fleet-1</fleetId><fleetState>active</fleetState><launchTemplateConfigs>\
                   <item><launchTemplateSpecification><launchTemplateId>lt-1</launchTemplateId></launchTemplateSpecification></item>\
                   <item><launchTemplateSpecification><launchTemplateName>web</launchTemplateName></launchTemplateSpecification></item>\
                   </launchTemplateConfigs></item>";
        let two = "<item><fleetState>deleted_running</fleetState></item><item><fleetId>fleet-3</fleetId></item>";
        let list = |items, token| page("DescribeFleets", "fleetSet", items, token);
        let fleets = collected::<Fleet>(vec![
            Reply::ok("Action=DescribeFleets", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(fleets[0].launch_templates, ["lt-1", "web"]);
        assert_eq!(fleets.iter().map(Fleet::has_ended).collect::<Vec<_>>(), [false, true, false]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<Fleet>("DescribeFleets").await;
    }
}
