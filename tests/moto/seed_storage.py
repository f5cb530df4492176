"""The part of the world that is stored, and in which storage class."""

from seed import midnight

STORAGE_CLASSES = "get_s3_storage_class_recommendations"
GIB = 1 << 30


def rule(name, enabled=True, prefix="", **what):
    return {"ID": name, "Status": "Enabled" if enabled else "Disabled", "Filter": {"Prefix": prefix}, **what}


MOVE = {"Transitions": [{"Days": 60, "StorageClass": "STANDARD_IA"}]}
ABORT = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def stored(seed, place, name, days, objects, rules=(), **gib):
    """A bucket that CloudWatch knows to be large, and that holds one object in truth."""
    seed.bucket(place, name, days, objects=1)
    for (_, _, dimensions), points in seed.state.metrics.series(*place).items():
        if ("BucketName", name) in dimensions:
            points.clear()
    sizes = {("BucketSizeBytes", kind): size * GIB for kind, size in gib.items()}
    for (metric, kind), value in {("NumberOfObjects", "AllStorageTypes"): objects, **sizes}.items():
        dimensions = {"BucketName": name, "StorageType": kind}
        points = [(midnight(day), value) for day in range(15, 0, -1) if day < days]
        seed.state.metrics.put(*place, "AWS/S3", metric, dimensions, points)
    if rules:
        seed.aws("s3", *place).put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": list(rules)}
        )


def storage_classes(seed):
    def judged(place, name, wasteful, why, days=200, objects=20_000, rules=(), **gib):
        name = f"orgscan-{name}"
        stored(seed, place, name, days, objects, rules, **(gib or {"StandardStorage": 200}))
        seed.judge(wasteful, STORAGE_CLASSES, place, name, why)

    ireland, virginia = seed.place("web-prod", "eu-west-1"), seed.place("web-prod", "us-east-1")
    judged(ireland, "media", True, "200 GiB that nothing moves")
    judged(ireland, "parts", True, "only uploads are cleaned up", rules=[rule("abort", **ABORT)])
    judged(ireland, "switched-off", True, "the rule that moves is off", rules=[rule("m", enabled=False, **MOVE)])
    judged(ireland, "drafts", True, "objects of a prefix end", rules=[rule("d", prefix="d/", Expiration={"Days": 7})])
    judged(ireland, "moved", False, "a rule moves objects", rules=[rule("move", **MOVE)])
    judged(ireland, "passing", False, "all end after 7 days", rules=[rule("end", Expiration={"Days": 7})])
    judged(virginia, "tiered", False, "tiered", StandardStorage=50, IntelligentTieringFAStorage=100)
    judged(virginia, "thumbnails", False, "10 KiB an object", objects=5_000_000, StandardStorage=50)
    judged(virginia, "little", False, "9 GiB", objects=10, StandardStorage=9)
    judged(virginia, "fresh", False, "20 days old", days=20)
    place = seed.place("data-prod", "eu-west-1")
    judged(place, "crumbs", True, "small objects", StandardIAStorage=5, StandardIASizeOverhead=60)
    judged(place, "chunks", False, "large objects", StandardIAStorage=500, StandardIASizeOverhead=1)
    judged(seed.place("sandbox-ben", "ap-southeast-2"), "z-last", True, "200 GiB, last of the list")
