"""The part of the world that containers and their instances are started from."""

import datetime
import hashlib
import json

from seed import (
    OLD_TASK_DEFINITIONS,
    PUBLIC_AMI,
    STARTED,
    UNUSED_CLUSTERS,
    UNUSED_IMAGES,
    UNUSED_VOLUMES,
    ago,
    midnight,
    tagged,
)
from seed_messages import UNUSED_RULES


def launch_templates(seed, busy):
    """Templates that something launches from, beside those that the seed of images makes."""
    data = {"ImageId": PUBLIC_AMI, "InstanceType": "t3.micro"}
    ec2 = seed.ec2(busy)
    with ago(200):
        grouped = seed.template(busy, "asg-plain", data, kept="an ASG names it")
        seed.aws("autoscaling", *busy).create_auto_scaling_group(
            AutoScalingGroupName="plain",
            MinSize=0,
            MaxSize=2,
            DesiredCapacity=0,
            VPCZoneIdentifier=seed.subnet(busy),
            LaunchTemplate={"LaunchTemplateId": grouped, "Version": "$Latest"},
        )
        started = seed.template(busy, "by-hand", data, kept="an instance was launched from it")
        made = ec2.run_instances(
            MinCount=1,
            MaxCount=1,
            LaunchTemplate={"LaunchTemplateId": started},
            TagSpecifications=tagged("instance") + tagged("volume"),
        )["Instances"][0]
        root = made["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        seed.fine(UNUSED_VOLUMES, busy, root, "an instance's root volume")
        fleet = seed.template(busy, "fleet", data, kept="an EC2 fleet launches from it")
        ec2.create_fleet(
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateId": fleet, "Version": "1"}}],
            TargetCapacitySpecification={"TotalTargetCapacity": 0, "DefaultTargetCapacityType": "on-demand"},
            Type="maintain",
        )
        nodes = {"eks:nodegroup-name": "nodes", "eks:cluster-name": "main"}
        place = seed.place("platform", "eu-west-1")
        seed.template(place, "eks-1234", data, kept="EKS made it for a node group", tags=nodes)
        seed.template(place, "left-over", data)
        late = seed.template(seed.place("ml", "us-east-1"), "changed", data, kept="its newest version is 60 days old")
    with ago(60):
        seed.template(busy, "young", data, kept="60 days old")
        seed.ec2(seed.place("ml", "us-east-1")).create_launch_template_version(
            LaunchTemplateId=late, LaunchTemplateData=data
        )


def held(place):
    """moto's own ECS: it counts neither services nor tasks, starts none of a service and knows no ages."""
    from moto.ecs.models import ecs_backends

    account, region = place
    return ecs_backends[account][region]


def cluster(seed, place, name, wasteful, why, instances=0):
    seed.aws("ecs", *place).create_cluster(clusterName=name)
    held(place).clusters[name].registered_container_instances_count = instances
    seed.judge(wasteful, UNUSED_CLUSTERS, place, name, why)


def service(seed, place, name, wasteful, why, days=200, desired=0, running=0, definition="web:2"):
    """A service of the cluster `main`."""
    ecs = seed.aws("ecs", *place)
    made = ecs.create_service(
        cluster="main", serviceName=name, taskDefinition=definition, desiredCount=desired, launchType="FARGATE"
    )["service"]["serviceArn"]
    it = held(place).services[f"main:{name}"]
    it.created_at = STARTED - datetime.timedelta(days=days)
    it.running_count, it.pending_count = running, 0
    main = held(place).clusters["main"]
    main.active_services_count += 1
    main.running_tasks_count += running
    main.pending_tasks_count = 0
    seed.judge(wasteful, UNUSED_CLUSTERS, place, made, why)


def definitions(seed, place, family, *ages):
    """A revision for each age in days."""
    container = {"name": "c", "image": "public.ecr.aws/nginx/nginx:1", "memory": 64}
    for days in ages:
        with ago(days):
            ecs = seed.aws("ecs", *place)
            made = ecs.register_task_definition(family=family, containerDefinitions=[container])["taskDefinition"]
        it = held(place).task_definitions[family][made["revision"]]
        it.registered_at = STARTED - datetime.timedelta(days=days)


def reserved(seed, place, name, shares):
    """What tasks reserve of a cluster's instances: daily for 100 days; `shares` maps days ago to percents."""
    for metric in ("CPUReservation", "MemoryReservation"):
        points = [(midnight(day), shares.get(day, 0)) for day in range(100, -1, -1)]
        seed.state.metrics.put(*place, "AWS/ECS", metric, {"ClusterName": name}, points)


def clusters(seed, busy):
    def judged(place, family, wasteful, why, *ages):
        definitions(seed, place, family, *ages)
        seed.judge(wasteful, OLD_TASK_DEFINITIONS, place, family, why)

    judged(busy, "web", True, "three of its four old revisions are not in use", *[200] * 4, *[30] * 10)
    judged(busy, "young", False, "13 revisions of 60 days", *[60] * 13)
    judged(busy, "few", False, "three old revisions", *[200] * 3)
    judged(busy, "pinned", False, "a rule starts its oldest revision", 200, *[30] * 10)
    judged(busy, "once", False, "a task of its oldest revision runs", 200, *[30] * 10)
    place = seed.place("ml", "us-east-1")
    judged(place, "train", True, "12 old revisions of which nothing is in use", *[200] * 12)

    cluster(seed, busy, "main", False, "has services that run")
    cluster(seed, busy, "default", False, "empty, and the one that is meant where none is named")
    cluster(seed, busy, "fleet", True, "instances without tasks", instances=2)
    reserved(seed, busy, "fleet", {})
    cluster(seed, busy, "fleet-by-night", False, "instances on which tasks run now and then", instances=2)
    reserved(seed, busy, "fleet-by-night", {12: 50})
    cluster(seed, busy, "fleet-unmeasured", False, "instances of which nothing is known", instances=1)
    cluster(seed, busy, "jobs", False, "a task runs in it that no service started")
    seed.aws("ecs", *busy).run_task(cluster="jobs", taskDefinition="once:1", count=1, launchType="FARGATE")
    held(busy).clusters["jobs"].running_tasks_count = 1
    cluster(seed, busy, "nightly", False, "empty, and a rule starts tasks in it")
    account, region = busy
    events = seed.aws("events", *busy)
    events.put_rule(Name="every-night", ScheduleExpression="rate(1 day)")
    seed.fine(UNUSED_RULES, busy, "every-night", "starts a task every night")
    arn = f"arn:aws:ecs:{region}:{account}:"
    target = {"TaskDefinitionArn": f"{arn}task-definition/pinned:1", "TaskCount": 1}
    events.put_targets(
        Rule="every-night",
        Targets=[{"Id": "1", "Arn": f"{arn}cluster/nightly", "RoleArn": "", "EcsParameters": target}],
    )
    cluster(seed, busy, "void", True, "empty, last of the list")
    cluster(seed, seed.place("sandbox-ben", "us-east-1"), "playground", True, "empty")

    service(seed, busy, "shop", False, "two tasks run", desired=2, running=2)
    service(seed, busy, "off", True, "asks for no task")
    service(seed, busy, "broken", True, "asks for two tasks and has none", desired=2)
    service(seed, busy, "fresh", False, "asks for no task, 60 days old", days=60)
    service(seed, busy, "by-night", False, "asks for no task now, and had some three days ago")
    dimensions = {"ClusterName": "main", "ServiceName": "by-night"}
    seed.state.metrics.put(*busy, "AWS/ECS", "CPUUtilization", dimensions, [(midnight(3), 40)])


OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def image(seed, place, repository, tag, wasteful, why, days=200, pulled=None, kind=OCI, status=None):
    """An image of 50 MiB, last pulled `pulled` days ago; moto records no pulls."""
    from moto.ecr.models import ecr_backends

    account, region = place
    digest = "sha256:" + hashlib.sha256(f"{repository}:{tag}:{why}".encode()).hexdigest()
    manifest = {"schemaVersion": 2, "mediaType": kind, "layers": [{"digest": digest}], "config": {}}
    more = {"imageTag": tag} if tag else {}
    with ago(days):
        seed.aws("ecr", *place).put_image(
            repositoryName=repository, imageManifest=json.dumps(manifest), imageDigest=digest, **more
        )
    held = ecr_backends[account][region].repositories[repository].images[-1]
    held.image_status = status or "ACTIVE"
    if pulled is not None:
        held.last_recorded_pull_time = STARTED - datetime.timedelta(days=pulled)
    seed.judge(wasteful, UNUSED_IMAGES, place, f"{repository}@{digest}", why)


def images(seed, busy):
    def repository(place, name):
        return seed.aws("ecr", *place).create_repository(repositoryName=name)["repository"]["repositoryUri"]

    uri = repository(busy, "shop")
    image(seed, busy, "shop", "v1", True, "200 days old, never pulled")
    image(seed, busy, "shop", "v2", True, "last pulled 100 days ago", pulled=100)
    image(seed, busy, "shop", "v3", False, "last pulled 80 days ago", pulled=80)
    image(seed, busy, "shop", "v4", False, "pushed 60 days ago, never pulled", days=60)
    image(seed, busy, "shop", "v5", False, "a service starts tasks from it", pulled=150)
    image(seed, busy, "shop", "sha256-1234.sig", False, "a signature")
    image(seed, busy, "shop", "v0", False, "archived", status="ARCHIVED")
    image(seed, busy, "shop", "v6", True, "200 days old, never pulled, last of the list")
    container = {"name": "c", "image": f"{uri}:v5", "memory": 64}
    seed.aws("ecs", *busy).register_task_definition(family="shop", containerDefinitions=[container])
    service(seed, busy, "shop-off", True, "asks for no task, and names an image", definition="shop:1")

    repository(busy, "platforms")
    image(seed, busy, "platforms", "latest", False, "an index, pulled yesterday", pulled=1, kind=INDEX)
    image(seed, busy, "platforms", None, False, "untagged, beside an index that is in use")
    image(seed, busy, "platforms", "old", True, "an old index, never pulled", kind=INDEX)

    place = seed.place("platform", "us-east-1")
    repository(place, "base")
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everyone]})
    seed.aws("ecr", *place).set_repository_policy(repositoryName="base", policyText=policy)
    image(seed, place, "base", "v1", False, "in a repository that is shared")
    place = seed.place("data-dev", "ap-southeast-2")
    repository(place, "etl")
    image(seed, place, "etl", None, True, "untagged, never pulled")
