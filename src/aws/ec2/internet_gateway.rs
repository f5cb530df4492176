//! Internet gateways, and the VPCs they are attached to.

use super::{said, tags_of};
use crate::aws::{
    At, Collect, Declared, Place, Resource, Tags,
    action::{Action, EC2},
    problem::Problem,
};

static DESCRIBE_INTERNET_GATEWAYS: Action = Action::new(&EC2, "DescribeInternetGateways");
static DESCRIBE_VPCS: Action = Action::new(&EC2, "DescribeVpcs");

/// An internet gateway. AWS does not say when it was made.
#[derive(Clone, Debug)]
pub(crate) struct InternetGateway {
    pub(crate) id: String,
    /// The VPCs it is attached to: one, or none. `None` for one that AWS did not name.
    pub(crate) vpc_ids: Vec<Option<String>>,
    pub(crate) tags: Tags,
}

impl Resource for InternetGateway {
    const TYPE: &'static str = "AWS::EC2::InternetGateway";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        at.arn("ec2", &format!("internet-gateway/{}", self.id))
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Declared for InternetGateway {
    const NAME: &'static str = "ec2::InternetGateway";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_INTERNET_GATEWAYS];
}

impl Collect for InternetGateway {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut gateways = Vec::new();
        let send = |token| at.ec2().describe_internet_gateways().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_INTERNET_GATEWAYS, send, |page| {
            gateways.extend(page.internet_gateways().iter().filter_map(internet_gateway));
            page.next_token
        })
        .await?;
        Ok(gateways)
    }
}

fn internet_gateway(it: &aws_sdk_ec2::types::InternetGateway) -> Option<InternetGateway> {
    Some(InternetGateway {
        id: it.internet_gateway_id()?.to_owned(),
        vpc_ids: it.attachments().iter().map(|it| said(it.vpc_id())).collect(),
        tags: tags_of(it.tags()),
    })
}

/// A VPC.
#[derive(Clone, Debug)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    /// Whether AWS made it, with all that belongs to it, for whoever names no VPC.
    pub(crate) is_default: Option<bool>,
}

impl Declared for Vpc {
    const NAME: &'static str = "ec2::Vpc";
    const ACTIONS: &'static [&'static Action] = &[&DESCRIBE_VPCS];
}

impl Collect for Vpc {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let mut vpcs = Vec::new();
        let send = |token| at.ec2().describe_vpcs().max_results(1000).set_next_token(token).send();
        at.pages(&DESCRIBE_VPCS, send, |page| {
            vpcs.extend(page.vpcs().iter().filter_map(vpc));
            page.next_token
        })
        .await?;
        Ok(vpcs)
    }
}

fn vpc(it: &aws_sdk_ec2::types::Vpc) -> Option<Vpc> {
    Some(Vpc { id: it.vpc_id()?.to_owned(), is_default: it.is_default() })
}

#[cfg(test)]
impl InternetGateway {
    /// A gateway that is attached to nothing.
    pub(crate) fn detached(id: &str) -> Self {
        Self { id: id.to_owned(), vpc_ids: Vec::new(), tags: Tags::new() }
    }

    /// A gateway of a VPC.
    pub(crate) fn of(id: &str, vpc_id: &str) -> Self {
        Self { vpc_ids: vec![Some(vpc_id.to_owned())], ..Self::detached(id) }
    }
}

#[cfg(test)]
impl Vpc {
    /// A VPC that somebody made.
    pub(crate) fn example(id: &str) -> Self {
        Self { id: id.to_owned(), is_default: Some(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::aws::replies::{Reply, collected};

    #[tokio::test]
    async fn every_page_of_gateways_is_read_also_past_an_empty_one() {
        let one = "<item><internetGatewayId>igw-1</internetGatewayId><attachmentSet><item><vpcId>vpc-1</vpcId>\
                   <state>available</state></item></attachmentSet>\
                   <tagSet><item><key>team</key><value>web</value></item></tagSet></item>";
        let two = "<item><internetGatewayId>igw-2</internetGatewayId><attachmentSet/></item>\
                   <item><internetGatewayId>igw-3</internetGatewayId><attachmentSet><item/></attachmentSet></item>";
        let list = |items, token| page("DescribeInternetGateways", "internetGatewaySet", items, token);
        let gateways = collected::<InternetGateway>(vec![
            Reply::ok("Action=DescribeInternetGateways", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        assert_eq!(gateways.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["igw-1", "igw-2", "igw-3"]);
        let vpcs: Vec<_> = gateways.iter().map(|it| it.vpc_ids.clone()).collect();
        assert_eq!(vpcs, [vec![Some("vpc-1".to_owned())], vec![], vec![None]]);
        assert_eq!(gateways[0].tags.get("team").map(String::as_str), Some("web"));
    }

    #[tokio::test]
    async fn every_page_of_vpcs_is_read_also_past_an_empty_one() {
        let one = "<item><vpcId>vpc-1</vpcId><isDefault>true</isDefault></item>";
        let two = "<item><vpcId>vpc-2</vpcId></item>";
        let list = |items, token| page("DescribeVpcs", "vpcSet", items, token);
        let vpcs = collected::<Vpc>(vec![
            Reply::ok("Action=DescribeVpcs", list(one, Some("t1"))),
            Reply::ok("NextToken=t1", list("", Some("t2"))),
            Reply::ok("NextToken=t2", list(two, None)),
        ])
        .await
        .expect("collected");
        let said: Vec<_> = vpcs.iter().map(|it| (it.id.as_str(), it.is_default)).collect();
        assert_eq!(said, [("vpc-1", Some(true)), ("vpc-2", None)]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        is_a_problem_when_denied::<InternetGateway>("DescribeInternetGateways").await;
        is_a_problem_when_denied::<Vpc>("DescribeVpcs").await;
    }
}
