"""The log groups of the world."""

from seed import ago, midnight

ENDLESS_LOG_GROUPS = "find_log_groups_without_retention"
UNUSED_LOG_GROUPS = "find_unused_log_groups"
GIB = 1 << 30


def log_group(seed, place, name, days=200, retention=None, last_event=None, counted=None, **facts):
    """A log group made `days` ago; `facts` are fields of its description that moto does not keep.

    `last_event` and `counted` say how many days ago its stream and its metric have an event.
    """
    logs = seed.aws("logs", *place)
    with ago(days):
        logs.create_log_group(logGroupName=name)
        if retention is not None:
            logs.put_retention_policy(logGroupName=name, retentionInDays=retention)
    if last_event is not None:
        with ago(last_event):
            logs.create_log_stream(logGroupName=name, logStreamName="main")
            event = {"timestamp": int(midnight(last_event) * 1000), "message": "one"}
            logs.put_log_events(logGroupName=name, logStreamName="main", logEvents=[event])
    if counted is not None:
        points = [(midnight(counted) + 43200, 17)]
        seed.state.metrics.put(*place, "AWS/Logs", "IncomingLogEvents", {"LogGroupName": name}, points)
    seed.state.log_groups[(*place, name)] = facts


def log_groups(seed, busy):
    def made(place, name, why, endless=False, unused=False, **more):
        log_group(seed, place, name, **more)
        seed.judge(endless, ENDLESS_LOG_GROUPS, place, name, why)
        seed.judge(unused, UNUSED_LOG_GROUPS, place, name, why)

    daily = {"last_event": 1, "counted": 1}
    made(busy, "/aws/lambda/busy-daily", "events every day, kept for 30 days", retention=30, **daily)
    made(
        busy,
        "/aws/lambda/forgotten",
        "no retention, 50 GiB; the last event 120 days ago",
        endless=True,
        unused=True,
        last_event=120,
        counted=120,
        storedBytes=50 * GIB,
    )
    made(
        busy,
        "/ecs/chatty",
        "no retention, 200 GiB, events every day",
        endless=True,
        storedBytes=200 * GIB,
        **daily,
    )
    made(busy, "/ecs/expired", "kept for 14 days, never an event", unused=True, retention=14)
    made(busy, "/ecs/new", "30 days old, no event, no retention, nothing stored", days=30)
    made(busy, "/ecs/rare", "an event 80 days ago, kept for a year", retention=365, last_event=80, counted=80)
    made(busy, "/vendor/uncounted", "no metric, yet an event 5 days ago", retention=30, last_event=5)
    made(
        busy,
        "/vendor/delivery",
        "a class that keeps events for a day",
        logGroupClass="DELIVERY",
        storedBytes=10 * GIB,
    )
    made(
        busy,
        "/audit/protected",
        "no event, but it may not be deleted",
        retention=365,
        storedBytes=3 * GIB,
        deletionProtectionEnabled=True,
    )
    place = seed.place("data-prod", "us-east-1")
    made(
        place,
        "/etl/steps",
        "no retention, exactly 1 GiB, infrequent access",
        endless=True,
        logGroupClass="INFREQUENT_ACCESS",
        storedBytes=GIB,
        **daily,
    )
    made(place, "/etl/small", "no retention, a byte less than 1 GiB", storedBytes=GIB - 1, **daily)
    place = seed.place("sandbox-anna", "ap-southeast-2")
    made(place, "/demo", "no retention, 1 MiB, never an event", unused=True, storedBytes=1 << 20)
    made(
        busy,
        "/z/last",
        "no retention, 7 GiB, no event in 100 days, last of the list",
        endless=True,
        unused=True,
        last_event=100,
        counted=100,
        storedBytes=7 * GIB,
    )
