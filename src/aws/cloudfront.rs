//! Amazon CloudFront: distributions.

use jiff::Timestamp;

use super::{
    At, Collect, Declared, Place, Resource,
    action::{Action, CLOUDFRONT},
    problem::Problem,
    timestamp,
};

static LIST_DISTRIBUTIONS: Action = Action::new(&CLOUDFRONT, "ListDistributions");

/// A CloudFront distribution.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    pub(crate) id: String,
    /// `d111111abcdef8.cloudfront.net`.
    pub(crate) domain_name: String,
    /// Domain names of its own.
    pub(crate) aliases: Vec<String>,
    pub(crate) enabled: bool,
    /// Whether it tries out changes for another distribution.
    pub(crate) staging: bool,
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) certificate: Certificate,
}

/// How a distribution answers over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// With CloudFront's own certificate.
    Default,
    /// With a custom certificate for viewers that name the host they want.
    Sni,
    /// With a custom certificate on addresses of its own.
    DedicatedIp,
    /// In another way, or AWS did not say.
    Other,
}

impl Resource for Distribution {
    const TYPE: &'static str = "AWS::CloudFront::Distribution";

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, at: &At) -> Option<String> {
        Some(format!("arn:{}:cloudfront::{}:distribution/{}", at.partition, at.account, self.id))
    }

    fn region(&self) -> Option<&str> {
        Some("global")
    }
}

impl Declared for Distribution {
    const NAME: &'static str = "cloudfront::Distribution";
    const ACTIONS: &'static [&'static Action] = &[&LIST_DISTRIBUTIONS];
}

impl Collect for Distribution {
    async fn collect(at: &Place) -> Result<Vec<Self>, Problem> {
        let there = at.global();
        let mut distributions = Vec::new();
        let send = |token| there.cloudfront().list_distributions().max_items(100).set_marker(token).send();
        there
            .pages(&LIST_DISTRIBUTIONS, send, |page| {
                let list = page.distribution_list?;
                distributions.extend(list.items().iter().map(distribution));
                list.next_marker
            })
            .await?;
        at.note_all(&there);
        Ok(distributions)
    }
}

fn distribution(it: &aws_sdk_cloudfront::types::DistributionSummary) -> Distribution {
    Distribution {
        id: it.id().to_owned(),
        domain_name: it.domain_name().to_owned(),
        aliases: it.aliases().map(|it| it.items().to_vec()).into_iter().flatten().collect(),
        enabled: it.enabled(),
        staging: it.staging(),
        // The SDK puts the beginning of 1970 where AWS says nothing.
        last_modified: Some(it.last_modified_time()).filter(|it| it.secs() > 0).and_then(|it| timestamp(Some(it))),
        certificate: it.viewer_certificate().map_or(Certificate::Other, certificate),
    }
}

/// AWS answers `vip` also for its own certificate, where it means nothing.
fn certificate(it: &aws_sdk_cloudfront::types::ViewerCertificate) -> Certificate {
    if it.cloud_front_default_certificate() == Some(true) {
        return Certificate::Default;
    }
    match it.ssl_support_method().map(aws_sdk_cloudfront::types::SslSupportMethod::as_str) {
        Some("sni-only") => Certificate::Sni,
        Some("vip") => Certificate::DedicatedIp,
        _ => Certificate::Other,
    }
}

#[cfg(test)]
impl Distribution {
    /// An enabled distribution with a domain name of its own, which last changed 200 days ago.
    pub(crate) fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            domain_name: "d111111abcdef8.cloudfront.net".to_owned(),
            aliases: vec!["www.example.com".to_owned()],
            enabled: true,
            staging: false,
            last_modified: crate::check::testing::days_ago(200),
            certificate: Certificate::Sni,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{
        problem::Class,
        replies::{Reply, collected},
    };

    /// A page as CloudFront answers it.
    fn page(items: &str, next: Option<&str>) -> String {
        let next_marker = next.map(|it| format!("<NextMarker>{it}</NextMarker>")).unwrap_or_default();
        let truncated = next.is_some();
        format!(
            "<DistributionList><Marker></Marker>{next_marker}<MaxItems>100</MaxItems><IsTruncated>{truncated}</IsTruncated>\
             <Quantity>1</Quantity><Items>{items}</Items></DistributionList>"
        )
    }

    fn item(id: &str, certificate: &str, more: &str) -> String {
        format!(
            "<DistributionSummary><Id>{id}</Id><DomainName>{id}.cloudfront.net</DomainName><Enabled>true</Enabled>\
             <ViewerCertificate>{certificate}</ViewerCertificate>{more}</DistributionSummary>"
        )
    }

    #[tokio::test]
    async fn every_page_of_distributions_is_read_also_past_an_empty_one() {
        let more = "<LastModifiedTime>2026-05-01T10:00:00Z</LastModifiedTime>\
                    <Aliases><Quantity>1</Quantity><Items><CNAME>www.example.com</CNAME></Items></Aliases>";
        let one = item("E1", "<SSLSupportMethod>sni-only</SSLSupportMethod>", more);
        let two = item("E2", "", "<Staging>true</Staging>");
        let distributions = collected::<Distribution>(vec![
            Reply::ok("MaxItems=100", page(&one, Some("m1"))),
            Reply::ok("Marker=m1", page("", Some("m2"))),
            Reply::ok("Marker=m2", page(&two, None)),
        ])
        .await
        .expect("collected");
        let [one, two] = distributions.as_slice() else { panic!("two distributions, not {distributions:?}") };
        assert_eq!((one.id.as_str(), two.id.as_str()), ("E1", "E2"));
        assert_eq!(one.aliases, ["www.example.com"]);
        assert_eq!(one.last_modified.map(|it| it.to_string()).as_deref(), Some("2026-05-01T10:00:00Z"));
        assert_eq!((two.last_modified, two.staging, two.certificate), (None, true, Certificate::Other));
    }

    #[tokio::test]
    async fn addresses_of_its_own_come_only_with_a_custom_certificate() {
        let vip = "<SSLSupportMethod>vip</SSLSupportMethod>";
        let default = format!("<CloudFrontDefaultCertificate>true</CloudFrontDefaultCertificate>{vip}");
        let custom = format!("<CloudFrontDefaultCertificate>false</CloudFrontDefaultCertificate>{vip}");
        let items = [item("E1", &default, ""), item("E2", &custom, ""), item("E3", vip, "")].concat();
        let distributions = collected::<Distribution>(vec![Reply::ok("distribution", page(&items, None))]).await;
        let certificates: Vec<_> = distributions.expect("collected").iter().map(|it| it.certificate).collect();
        assert_eq!(certificates, [Certificate::Default, Certificate::DedicatedIp, Certificate::DedicatedIp]);
    }

    #[tokio::test]
    async fn a_denied_list_is_a_problem_and_not_an_empty_list() {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                    <Message>no identity-based policy allows it</Message></Error></ErrorResponse>";
        let problem =
            collected::<Distribution>(vec![Reply::ok("distribution", body).status(403)]).await.expect_err("denied");
        assert_eq!((problem.class, problem.action.as_str()), (Class::AccessDenied, "cloudfront:ListDistributions"));
    }

    #[test]
    fn the_arn_names_no_region() {
        let at = At { partition: "aws", account: "111122223333".to_owned(), region: "global".to_owned() };
        let arn = Distribution::example("E1").arn(&at);
        assert_eq!(arn.as_deref(), Some("arn:aws:cloudfront::111122223333:distribution/E1"));
    }
}
