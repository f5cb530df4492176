"""The queues, topics and rules of the world."""

import json

from seed import ago, midnight

UNUSED_QUEUES = "find_unused_sqs_queues"
UNUSED_TOPICS = "find_unused_sns_topics"
UNUSED_RULES = "find_unused_eventbridge_rules"


def counted(seed, place, namespace, metric, dimensions, days, count=5):
    """A metric that counted something on one day."""
    points = [(midnight(days) + 43200, count)]
    seed.state.metrics.put(*place, namespace, metric, dimensions, points)


def queues(seed, busy):
    def made(place, name, why, wasteful=False, days=200, sent=None, received=None, **attributes):
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        with ago(days):
            queue = seed.aws("sqs", *place).create_queue(QueueName=name, Attributes={**attributes, **fifo})
        seed.judge(wasteful, UNUSED_QUEUES, place, name, why)
        for metric, day in (("NumberOfMessagesSent", sent), ("NumberOfMessagesReceived", received)):
            if day is not None:
                counted(seed, place, "AWS/SQS", metric, {"QueueName": name}, day)
        return queue["QueueUrl"]

    made(busy, "orders", "messages every day", sent=1, received=1)
    made(busy, "forgotten", "old and never a message", True)
    made(busy, "polled", "no message, and somebody keeps asking", True)
    for metric, count in (("NumberOfMessagesSent", 0), ("NumberOfEmptyReceives", 17280)):
        points = [(midnight(day), count) for day in range(100, -1, -1)]
        seed.state.metrics.put(*busy, "AWS/SQS", metric, {"QueueName": "polled"}, points)
    made(busy, "ended", "the last message 100 days ago", True, sent=100, received=100)
    made(busy, "rare", "a message 80 days ago", sent=80)
    made(busy, "redriven", "messages are received that were moved here", received=12)
    made(busy, "young", "30 days old, no message", days=30)
    full = made(busy, "full", "no metric, but a message lies in it")
    seed.aws("sqs", *busy).send_message(QueueUrl=full, MessageBody="one")
    made(busy, "mails-dlq", "a dead-letter queue by its name")
    made(busy, "parked", "allows others to send their dead letters")
    policy = json.dumps({"redrivePermission": "allowAll"})
    seed.state.queues[(*busy, "parked")] = {"RedriveAllowPolicy": policy}
    account, region = busy
    made(busy, "returns-aside", "another queue sends its dead letters here")
    target = f"arn:aws:sqs:{region}:{account}:returns-aside"
    redrive = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 3})
    made(busy, "returns", "messages yesterday", sent=1, received=1, RedrivePolicy=redrive)
    made(seed.place("data-prod", "us-east-1"), "steps.fifo", "old and never a message, FIFO", True)
    made(seed.place("ml", "ap-southeast-2"), "train", "a message 3 days ago", sent=3)
    made(busy, "z-last", "old and never a message, last of the list", True)


def topics(seed, busy):
    def made(place, name, why, wasteful=False, published=None, subscribers=0, pending=0):
        with ago(200):
            topic = seed.aws("sns", *place).create_topic(Name=name)["TopicArn"]
        set_subscribers(place, topic, subscribers, pending)
        seed.judge(wasteful, UNUSED_TOPICS, place, topic, why)
        if published is not None:
            counted(seed, place, "AWS/SNS", "NumberOfMessagesPublished", {"TopicName": name}, published)
        return topic

    made(busy, "orders", "published to and subscribed to", published=1, subscribers=2)
    made(busy, "forgotten", "no subscriber, nothing published", True)
    made(busy, "lost", "no subscriber, and messages yesterday", True, published=1)
    made(busy, "ended", "no subscriber, the last message 100 days ago", True, published=100)
    made(busy, "quiet", "a subscriber, nothing published", subscribers=1)
    made(busy, "invited", "a subscriber who has not confirmed yet, nothing published", pending=1)
    named = made(busy, "alarmed", "no subscriber, nothing published, but an alarm names it")
    seed.state.alarms[busy] = [
        {"AlarmName": "other", "AlarmActions": []},
        {"AlarmName": "tells", "AlarmActions": [], "OKActions": [named]},
    ]
    made(seed.place("sandbox-ben", "us-east-1"), "demo", "no subscriber, nothing published", True)
    made(busy, "z-last", "no subscriber, nothing published, last of the list", True)


def set_subscribers(place, topic, confirmed, pending):
    """moto never counts subscribers, hence the back door."""
    from moto.sns.models import sns_backends

    account, region = place
    held = sns_backends[account][region].topics[topic]
    held.subscriptions_confimed, held.subscriptions_pending = confirmed, pending


PATTERN = json.dumps({"source": ["orders"]})


def rules(seed, busy):
    def made(place, name, why, wasteful=False, bus="default", off=False, targets=1, triggered=None, **when):
        events = seed.aws("events", *place)
        account, region = place
        with ago(200):
            events.put_rule(
                Name=name,
                EventBusName=bus,
                State="DISABLED" if off else "ENABLED",
                **(when or {"EventPattern": PATTERN}),
            )
            function = f"arn:aws:lambda:{region}:{account}:function:never-called"
            wanted = [{"Id": str(number), "Arn": function} for number in range(targets)]
            if wanted:
                events.put_targets(Rule=name, EventBusName=bus, Targets=wanted)
        own = bus == "default"
        seed.judge(wasteful, UNUSED_RULES, place, name if own else f"{bus}/{name}", why)
        if triggered is not None:
            dimensions = {"RuleName": name} if own else {"EventBusName": bus, "RuleName": name}
            for metric in ("TriggeredRules", "Invocations"):
                counted(seed, place, "AWS/Events", metric, dimensions, triggered)

    made(busy, "daily", "runs every day", triggered=1, ScheduleExpression="rate(1 day)")
    made(busy, "daily-off", "disabled, never triggered", True, off=True, ScheduleExpression="rate(1 day)")
    made(busy, "off-long", "disabled, last triggered 100 days ago", True, off=True, triggered=100)
    made(busy, "off-lately", "disabled, but triggered 20 days ago", off=True, triggered=20)
    made(busy, "bare", "enabled without a target", True, targets=0)
    made(busy, "bare-matching", "triggered yesterday, without a target", True, targets=0, triggered=1)
    made(busy, "rare", "enabled with two targets and silent: it may wait for what is rare", targets=2)
    made(busy, "managed", "disabled, of an AWS service", off=True)
    set_managed(busy, "managed")
    seed.aws("events", *busy).create_event_bus(Name="orders")
    made(busy, "off", "disabled on a bus of its own, never triggered", True, bus="orders", off=True)
    made(busy, "off-lately", "disabled there, but triggered 20 days ago", bus="orders", off=True, triggered=20)
    made(busy, "on", "triggered 3 days ago", bus="orders", triggered=3)
    made(seed.place("platform", "us-east-1"), "nightly", "disabled, never triggered", True, off=True)
    made(busy, "z-last", "enabled without a target, last of the list", True, targets=0)


def set_managed(place, name):
    """Only services can make rules that they manage, hence the back door."""
    from moto.events.models import events_backends

    account, region = place
    rule = events_backends[account][region].event_buses["default"].rules[name]
    rule.managed_by = "autoscaling.amazonaws.com"
