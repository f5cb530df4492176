//! Security groups that let the whole internet in where it has no business.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    aws::ec2::{NetworkInterface, Permission, SecurityGroup},
    check::prelude::*,
};

check! {
    /// Finds security groups that let the internet reach sensitive ports, or nearly all ports.
    ///
    /// An open administration or database port is tried by strangers within minutes, and a break-in costs more than any idle
    /// resource: stolen compute is billed to the account. Open means a range of addresses wider than registries give to one
    /// organization, `/8` of IPv4 or `/16` of IPv6: `0.0.0.0/0`, `::/0`, and the halves that they are sometimes split into.
    /// Web ports open to the world are no finding. Rules by prefix list are not looked into, and interfaces of other accounts
    /// in a shared VPC cannot be seen. A honeypot or a public name server is fine to ignore. Nothing is saved by closing a
    /// port, so no amount is given.
    title: "Overly permissive security groups",
    scope: Regional,
    needs: [SecurityGroup, NetworkInterface],
    params: Params,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Params {
    /// The TCP and UDP ports that must not be open to the internet.
    #[schemars(inner(range(min = 0, max = 65535)))]
    sensitive_ports: Vec<i64>,
}

impl Default for Params {
    fn default() -> Self {
        let sensitive_ports =
            vec![22, 3389, 1433, 1521, 2375, 2379, 3306, 5432, 5439, 5601, 5985, 6379, 8020, 9200, 11211, 27017];
        Self { sensitive_ports }
    }
}

/// The most ports a rule may open to the internet at once before it counts as opening nearly all of them.
const MOST_PORTS: i64 = 1000;

/// The most rules that a reason names. The facts name all.
const NAMED_RULES: usize = 3;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Medium,
    High,
    Critical,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// What the rules let in, given what they let it to: nothing, or something that has a public address.
    fn given(self, attached: usize, public: usize) -> Self {
        match self {
            Self::Critical if attached > 0 => Self::Critical,
            Self::High if public > 0 => Self::Critical,
            Self::High if attached == 0 => Self::Medium,
            _ => Self::High,
        }
    }
}

async fn run(cx: &Cx, params: Params) -> Outcome {
    let groups = cx.all::<SecurityGroup>().await?;
    let interfaces = cx.all::<NetworkInterface>().await?;
    Ok(groups.iter().filter_map(|it| judge(cx, &params, it, &interfaces)).collect())
}

fn judge(cx: &Cx, params: &Params, group: &SecurityGroup, interfaces: &[NetworkInterface]) -> Option<Finding> {
    let open: BTreeSet<(Severity, String)> =
        group.inbound.iter().filter_map(|it| exposure(it, &params.sensitive_ports)).collect();
    let worst = open.last()?.0;
    let rules: Vec<&str> = open.iter().rev().map(|(_, text)| text.as_str()).collect();
    let named: Vec<&str> = open.iter().filter(|it| it.0 == worst).map(|(_, text)| text.as_str()).collect();
    let more = match named.len().saturating_sub(NAMED_RULES) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let named = named.into_iter().take(NAMED_RULES).collect::<Vec<_>>().join("; ");
    let attached: Vec<_> = interfaces.iter().filter(|it| it.security_group_ids.contains(&group.id)).collect();
    let public = attached.iter().filter(|it| it.has_public_address()).count();
    let reach = match (attached.len(), public) {
        (0, _) => "attached to nothing",
        (_, 0) => "attached, to nothing with a public address",
        _ => "attached to a public address",
    };
    Some(
        cx.finding(group)
            .because(format!("open {named}{more}; {reach}"))
            .fact("severity", worst.given(attached.len(), public).name())
            .fact("open_rules", rules)
            .fact("attached_interfaces", attached.len())
            .fact("public_interfaces", public)
            .fact("group_name", group.name.as_deref())
            .fact("vpc_id", group.vpc_id.as_deref()),
    )
}

/// How bad a rule is by itself, and what it opens to whom. `None` for what is no risk and for what AWS did not say.
fn exposure(rule: &Permission, sensitive: &[i64]) -> Option<(Severity, String)> {
    let world: Vec<&str> = rule.cidrs.iter().map(String::as_str).filter(|it| is_world(it)).collect();
    if world.is_empty() {
        return None;
    }
    let world = world.join(", ");
    let protocol = match rule.protocol.as_deref()? {
        "-1" => return Some((Severity::Critical, format!("to {world} on all ports of all protocols"))),
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        _ => return None,
    };
    let (from, to) = (rule.from_port?, rule.to_port?);
    let severity = match to - from + 1 {
        count if count > MOST_PORTS => Severity::Critical,
        _ if sensitive.iter().any(|port| (from..=to).contains(port)) => Severity::High,
        _ => return None,
    };
    let ports = match (from, to) {
        (0, 65535) => "all ports".to_owned(),
        _ if from == to => from.to_string(),
        _ => format!("{from}-{to}"),
    };
    Some((severity, format!("to {world} on {ports} ({protocol})")))
}

/// Whether a range of addresses is wider than registries give to one organization, which is `/8` of IPv4
/// (<https://www.iana.org/assignments/ipv4-address-space>) and `/16` of IPv6. The whole is often split in halves,
/// `0.0.0.0/1` and `128.0.0.0/1`, and would escape a look for the whole alone.
fn is_world(cidr: &str) -> bool {
    let Some((address, prefix)) = cidr.split_once('/') else { return false };
    let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u8>()) else { return false };
    match address {
        IpAddr::V4(_) => prefix < 8,
        // Addresses of private networks, fc00::/7, and of one link, fe80::/10, are shorter than /16 and reach nobody.
        IpAddr::V6(it) if it.is_unique_local() => prefix < 7,
        IpAddr::V6(it) if it.is_unicast_link_local() => prefix < 10,
        IpAddr::V6(_) => prefix < 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::store::Store,
        check::testing::{findings, found, is_blind_without},
    };

    const WORLD: &str = "0.0.0.0/0";

    fn group(id: &str, inbound: Vec<Permission>) -> SecurityGroup {
        SecurityGroup { inbound, ..SecurityGroup::example(id) }
    }

    /// A world of groups, the first of which is attached to an interface without a public address.
    fn world(groups: Vec<SecurityGroup>) -> Store {
        let interfaces = groups.first().map(|it| NetworkInterface::private(&it.id)).into_iter().collect();
        Store::world().with(groups).with::<NetworkInterface>(interfaces)
    }

    /// What one rule is, or nothing.
    fn of(rule: &Permission) -> Option<(Severity, String)> {
        exposure(rule, &Params::default().sensitive_ports)
    }

    fn severity(rule: &Permission) -> Option<Severity> {
        of(rule).map(|it| it.0)
    }

    #[tokio::test]
    async fn only_the_open_group_is_found() {
        let open = group("sg-1", vec![Permission::tcp(22, 22, WORLD), Permission::tcp(443, 443, WORLD)]);
        let world = world(vec![open, SecurityGroup::example("sg-2"), group("sg-3", Vec::new())]);
        let expected = "sg-1: open to 0.0.0.0/0 on 22 (tcp); attached, to nothing with a public address";
        assert_eq!(found(&CHECK, world, "{}").await, expected);
    }

    #[tokio::test]
    async fn the_reason_names_the_worst_rules_and_the_facts_name_all() {
        let all = Permission {
            protocol: Some("-1".to_owned()),
            from_port: None,
            to_port: None,
            cidrs: vec![WORLD.to_owned(), "::/0".to_owned()],
        };
        let open = group("sg-1", vec![Permission::tcp(22, 22, WORLD), all, Permission::tcp(0, 65535, WORLD)]);
        let findings = findings(&CHECK, world(vec![open]), "{}").await;
        let all = "to 0.0.0.0/0, ::/0 on all ports of all protocols";
        let reason = format!("open to 0.0.0.0/0 on all ports (tcp); {all}; attached, to nothing with a public address");
        assert_eq!(findings[0].reason, reason);
        let rules = serde_json::json!([all, "to 0.0.0.0/0 on all ports (tcp)", "to 0.0.0.0/0 on 22 (tcp)"]);
        assert_eq!(findings[0].attributes["open_rules"], rules);
        assert_eq!((findings[0].estimated_monthly_cost, findings[0].action_type.as_deref()), (None, None));
    }

    #[tokio::test]
    async fn a_reason_names_three_rules_and_counts_the_rest() {
        let open = group("sg-1", [22, 1433, 3306, 3389, 5432].map(|it| Permission::tcp(it, it, WORLD)).to_vec());
        let findings = findings(&CHECK, world(vec![open]), "{}").await;
        assert!(
            findings[0].reason.contains("to 0.0.0.0/0 on 3306 (tcp) and 2 more; attached"),
            "{}",
            findings[0].reason
        );
        assert_eq!(findings[0].attributes["open_rules"].as_array().map(Vec::len), Some(5));
    }

    #[test]
    fn ports_are_compared_as_numbers() {
        assert_eq!(severity(&Permission::tcp(2200, 2200, WORLD)), None);
        assert_eq!(severity(&Permission::tcp(20, 25, WORLD)), Some(Severity::High));
        assert_eq!(severity(&Permission::tcp(22, 22, WORLD)), Some(Severity::High));
        assert_eq!(severity(&Permission::tcp(23, 25, WORLD)), None);
        assert_eq!(severity(&Permission::tcp(30000, 30999, WORLD)), None);
        assert_eq!(severity(&Permission::tcp(30000, 31000, WORLD)), Some(Severity::Critical));
    }

    #[test]
    fn protocols_without_ports_and_unknown_ports_are_no_finding() {
        let protocol = |name: &str| Permission { protocol: Some(name.to_owned()), ..Permission::tcp(22, 22, WORLD) };
        assert_eq!(severity(&protocol("icmp")), None);
        assert_eq!(severity(&protocol("50")), None);
        assert_eq!(of(&protocol("17")), Some((Severity::High, "to 0.0.0.0/0 on 22 (udp)".to_owned())));
        assert_eq!(severity(&Permission { protocol: None, ..protocol("tcp") }), None);
        assert_eq!(severity(&Permission { to_port: None, ..protocol("tcp") }), None);
        assert_eq!(severity(&Permission { cidrs: Vec::new(), ..protocol("-1") }), None);
    }

    #[test]
    fn the_world_is_what_no_organization_holds_alone() {
        for open in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "4.0.0.0/7", "2000::/3", "2600::/12", "8000::/1"]
        {
            assert!(is_world(open), "{open}");
        }
        for closed in
            ["10.0.0.0/8", "3.0.0.0/8", "2600::/16", "fc00::/7", "fd00::/8", "fe80::/10", "203.0.113.7", "any/0"]
        {
            assert!(!is_world(closed), "{closed}");
        }
    }

    #[tokio::test]
    async fn what_it_is_attached_to_raises_and_lowers_the_severity() {
        let ssh = |id| group(id, vec![Permission::tcp(22, 22, WORLD)]);
        let wide = |id| group(id, vec![Permission::tcp(0, 65535, WORLD)]);
        let groups = vec![ssh("sg-1"), ssh("sg-2"), ssh("sg-3"), wide("sg-4"), wide("sg-5")];
        let interfaces = ["sg-2", "sg-4"].map(NetworkInterface::private).into_iter();
        let interfaces = interfaces.chain([NetworkInterface::public("sg-3"), NetworkInterface::private("sg-3")]);
        let world = Store::world().with(groups).with(interfaces.collect::<Vec<_>>());
        let findings = findings(&CHECK, world, "{}").await;
        let severities: Vec<_> = findings.iter().map(|it| it.attributes["severity"].as_str()).collect();
        let expected = ["medium", "high", "critical", "critical", "high"];
        assert_eq!(severities, expected.map(Some));
        assert!(findings[0].reason.ends_with("; attached to nothing"));
        assert!(findings[2].reason.ends_with("; attached to a public address"));
        assert_eq!(findings[2].attributes["attached_interfaces"], 2);
        assert_eq!(findings[2].attributes["public_interfaces"], 1);
    }

    #[tokio::test]
    async fn the_caller_chooses_the_ports() {
        let open = group("sg-1", vec![Permission::tcp(22, 22, WORLD), Permission::tcp(8080, 8080, WORLD)]);
        let found = found(&CHECK, world(vec![open]), r#"{"sensitive_ports": [8080]}"#).await;
        assert_eq!(found, "sg-1: open to 0.0.0.0/0 on 8080 (tcp); attached, to nothing with a public address");
    }

    #[tokio::test]
    async fn nothing_is_found_where_groups_or_interfaces_may_not_be_listed() {
        let world = || world(vec![group("sg-1", vec![Permission::tcp(22, 22, WORLD)])]);
        is_blind_without::<SecurityGroup>(&CHECK, world()).await;
        is_blind_without::<NetworkInterface>(&CHECK, world()).await;
    }
}
