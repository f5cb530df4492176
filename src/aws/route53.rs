//! Amazon Route 53: hosted zones, and where the private ones answer.

use super::{
    At, Collect, Declared, Place, Question, Resource,
    action::{Action, ROUTE53},
    problem::{Class, Problem},
};

static LIST_HOSTED_ZONES: Action = Action::new(&ROUTE53, "ListHostedZones");
static GET_HOSTED_ZONE: Action = Action::new(&ROUTE53, "GetHostedZone");

/// The most zones on one page (<https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html>, as
/// aws-sdk-route53 1.132 has it).
const PAGE: i32 = 100;

/// A hosted zone of Route 53. AWS does not say since when there is one.
#[derive(Clone, Debug)]
pub(crate) struct HostedZone {
    /// Without the `/hostedzone/` that AWS puts before it.
    pub(crate) id: String,
    /// The domain, with the dot at its end.
    pub(crate) name: String,
    /// Whether it answers in VPCs alone.
    pub(crate) private: Option<bool>,
    /// How many records it holds, its own NS and SOA included.
    pub(crate) records: Option<i64>,
    /// The service that made it, which alone can change or delete it.
    pub(crate) linked_service: Option<String>,
}

impl Resource for HostedZone {
    const TYPE: &'static str = "AWS::Route53::HostedZone";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        Some(format!("arn:{}:route53:::hostedzone/{}", at.partition, self.id))
    }

    fn region(&self) -> Option<&str> {
        Some("global")
    }
}

impl Declared for HostedZone {
    const NAME: &'static str = "route53::HostedZone";
    const ACTIONS: &'static [&'static Action] = &[&LIST_HOSTED_ZONES];
}

impl Collect for HostedZone {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let there = at.global();
        let mut zones = Vec::new();
        let send = |token| there.route53().list_hosted_zones().max_items(PAGE).set_marker(token).send();
        there
            .pages(&LIST_HOSTED_ZONES, send, |page| {
                zones.extend(page.hosted_zones().iter().map(hosted_zone));
                page.next_marker
            })
            .await?;
        at.note_all(&there);
        Ok(zones)
    }
}

fn hosted_zone(it: &aws_sdk_route53::types::HostedZone) -> HostedZone {
    HostedZone {
        id: it.id().trim_start_matches("/hostedzone/").to_owned(),
        name: it.name().to_owned(),
        private: it.config().map(aws_sdk_route53::types::HostedZoneConfig::private_zone),
        records: it.resource_record_set_count(),
        linked_service: it.linked_service().map(|it| it.service_principal().unwrap_or_default().to_owned()),
    }
}

/// How many VPCs a private zone answers in. VPCs that it reaches through a Route 53 Profile are not among them.
#[derive(Debug)]
pub(crate) struct VpcsOfZone {
    pub(crate) zone: String,
}

impl Declared for VpcsOfZone {
    const NAME: &'static str = "route53::VpcsOfZone";
    const ACTIONS: &'static [&'static Action] = &[&GET_HOSTED_ZONE];
}

impl Question for VpcsOfZone {
    type Answer = usize;

    async fn ask(&self, at: &Place) -> Result<usize, Problem> {
        let there = at.global();
        let send = || there.route53().get_hosted_zone().id(&self.zone).send();
        let answer = there.call(&GET_HOSTED_ZONE, send).await?;
        at.note_all(&there);
        // The SDK puts an empty one where AWS says nothing.
        match answer.hosted_zone().filter(|it| !it.id().is_empty()) {
            Some(_) => Ok(answer.vpcs().len()),
            None => Err(Problem::new(Class::InvalidExchange, &GET_HOSTED_ZONE, "an answer without the zone")),
        }
    }
}

#[cfg(test)]
impl HostedZone {
    /// A public zone with ten records beside NS and SOA.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: "example.com.".to_owned(),
            private: Some(false),
            records: Some(12),
            linked_service: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replies::{Reply, answered, collected};

    /// A page as Route 53 answers it.
    fn page(zones: &str, next: Option<&str>) -> String {
        let next_marker = next.map(|it| format!("<NextMarker>{it}</NextMarker>")).unwrap_or_default();
        format!(
            "<ListHostedZonesResponse><HostedZones>{zones}</HostedZones><IsTruncated>{}</IsTruncated>{next_marker}\
             <MaxItems>100</MaxItems></ListHostedZonesResponse>",
            next.is_some()
        )
    }

    fn zone(id: &str, more: &str) -> String {
        format!(
            "<HostedZone><Id>/hostedzone/{id}</Id><Name>{}.example.com.</Name><CallerReference>r</CallerReference>\
             {more}</HostedZone>",
            id.to_lowercase()
        )
    }

    fn denied(asked: &'static str) -> Reply {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                    <Message>no identity-based policy allows it</Message></Error></ErrorResponse>";
        Reply::ok(asked, body).status(403)
    }

    #[tokio::test]
    async fn every_page_of_zones_is_read_also_past_an_empty_one() {
        let one = zone(
            "Z1",
            "<Config><PrivateZone>true</PrivateZone></Config><ResourceRecordSetCount>17</ResourceRecordSetCount>",
        );
        let two = zone(
            "Z2",
            "<LinkedService><ServicePrincipal>servicediscovery.amazonaws.com</ServicePrincipal></LinkedService>",
        );
        let zones = collected::<HostedZone>(vec![
            Reply::ok("route53.amazonaws.com/2013-04-01/hostedzone?maxitems=100", page(&one, Some("Z2"))),
            Reply::ok("marker=Z2", page("", Some("Z3"))),
            Reply::ok("marker=Z3", page(&two, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = zones.as_slice() else { panic!("two zones, not {zones:?}") };
        assert_eq!((one.id.as_str(), one.name.as_str()), ("Z1", "z1.example.com."));
        assert_eq!((one.private, one.records, one.linked_service.as_deref()), (Some(true), Some(17), None));
        assert_eq!((two.id.as_str(), two.private, two.records), ("Z2", None, None));
        assert_eq!(two.linked_service.as_deref(), Some("servicediscovery.amazonaws.com"));
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let problem = collected::<HostedZone>(vec![denied("hostedzone")]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "route53:ListHostedZones"));
    }

    #[tokio::test]
    async fn the_vpcs_of_a_zone_are_counted_and_an_answer_without_the_zone_is_none() {
        let asked = || VpcsOfZone { zone: "Z1".to_owned() };
        let answer = |body: &str| {
            let body = format!("<GetHostedZoneResponse>{body}</GetHostedZoneResponse>");
            vec![Reply::ok("route53.amazonaws.com/2013-04-01/hostedzone/Z1", body)]
        };
        let vpc = "<VPC><VPCRegion>eu-west-1</VPCRegion><VPCId>vpc-1</VPCId></VPC>";
        let two = format!("{}<VPCs>{vpc}{vpc}</VPCs>", zone("Z1", ""));
        assert_eq!(answered(asked(), answer(&two)).await.0, Ok(2));
        let none = format!("{}<VPCs></VPCs>", zone("Z1", ""));
        assert_eq!(answered(asked(), answer(&none)).await.0, Ok(0));
        let problem = answered(asked(), answer("")).await.0.expect_err("nothing is said of the zone");
        assert_eq!(problem.class, Class::InvalidExchange);
        let problem = answered(asked(), vec![denied("hostedzone/Z1")]).await.0.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "route53:GetHostedZone"));
    }

    #[test]
    fn the_arn_names_neither_region_nor_account() {
        let at = At { partition: "aws", account: "111122223333".to_owned(), region: "global".to_owned() };
        assert_eq!(HostedZone::example("Z1").arn(&at).as_deref(), Some("arn:aws:route53:::hostedzone/Z1"));
    }
}
