"""The part of the world that answers DNS queries."""

from seed import midnight

UNUSED_ZONES = "find_unused_route53_hosted_zones"


def zone(seed, account, name, records=1, private=False, apart=False, of_service=None):
    """A hosted zone with its NS and SOA records and some more; returns its id."""
    from moto.route53.models import route53_backends

    owner = seed.ids[account]
    client = seed.aws("route53", owner)
    more = {}
    if private:
        more["VPC"] = {"VPCRegion": "us-east-1", "VPCId": seed.vpc((owner, "us-east-1"))}
    made = client.create_hosted_zone(
        Name=name, CallerReference=name, HostedZoneConfig={"PrivateZone": private, "Comment": ""}, **more
    )["HostedZone"]["Id"]
    for number in range(records):
        record = {
            "Name": f"host-{number}.{name}",
            "Type": "A",
            "TTL": 300,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
        client.change_resource_record_sets(
            HostedZoneId=made, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        )
    made = made.removeprefix("/hostedzone/")
    held = route53_backends[owner]["aws"].zones[made]
    if apart:  # its VPC is gone; moto, as AWS, lets nobody take away the last one
        held.vpcs = []
    if of_service:
        held.linked_service = {"ServicePrincipal": of_service, "Description": ""}
    return made


def zones(seed):
    def judged(account, name, wasteful, why, queries_on=None, **more):
        made = zone(seed, account, name, **more)
        seed.judge(wasteful, UNUSED_ZONES, (seed.ids[account], "global"), made, why)
        if queries_on is not None:
            seed.state.metrics.put(
                seed.ids[account],
                "us-east-1",
                "AWS/Route53",
                "DNSQueries",
                {"HostedZoneId": made},
                [(midnight(queries_on) + 3600, 40)],
            )

    judged("web-prod", "shop.example.", False, "queries yesterday", records=3, queries_on=1)
    judged("web-prod", "old-shop.example.", True, "queries ended 95 days ago", records=3, queries_on=95)
    judged("web-prod", "rare.example.", False, "queries 85 days ago", queries_on=85)
    judged("web-prod", "parked.example.", True, "no record of its own, though asked", records=0, queries_on=2)
    judged("web-prod", "corp.internal.", False, "private, with a VPC", private=True)
    judged("web-prod", "old-corp.internal.", True, "private, no record of its own", records=0, private=True)
    judged("web-prod", "left.internal.", True, "private, its VPC is gone", private=True, apart=True)
    judged(
        "web-prod",
        "services.internal.",
        False,
        "private, no record, but of Cloud Map",
        records=0,
        private=True,
        of_service="servicediscovery.amazonaws.com",
    )
    judged("sandbox-anna", "demo.example.", True, "never asked")
    judged("data-prod", "reports.example.", False, "queries 10 days ago", queries_on=10)
