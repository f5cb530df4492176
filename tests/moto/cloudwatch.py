"""CloudWatch: GetMetricData, ListMetrics and DescribeAlarms over the seeded points."""

import datetime
import re
import time

from wire import ApiError

UTC = datetime.timezone.utc
STATISTICS = {
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}


def invalid(text):
    return ApiError("ValidationError", text, 400)


def epoch(value):
    """JSON sends timestamps as numbers, CBOR as tag 1, which arrives as a datetime."""
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, (int, float)):
        return float(value)
    raise invalid("StartTime and EndTime are required.")


def _rounded_start(start):
    """CloudWatch rounds the start down: to a minute, 5 minutes (15 days) or an hour (63 days)."""
    age = time.time() - start
    step = 3600 if age > 63 * 86400 else 300 if age > 15 * 86400 else 60
    return start - start % step


def get_metric_data(state, call):
    """One result per query; a metric without points answers an empty `Values`."""
    queries = call.params.get("MetricDataQueries") or []
    if not queries:
        raise invalid("The parameter MetricDataQueries is required.")
    if len(queries) > 500:
        raise invalid("The collection MetricDataQueries must not have a size greater than 500.")
    ids = [query.get("Id", "") for query in queries]
    for number, name in enumerate(ids):
        if not re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,254}", name):
            raise invalid(
                f"The value {name!r} for parameter MetricDataQueries.Id is not matching the expected pattern."
            )
        if name in ids[:number]:
            raise invalid(f"The values for parameter id in MetricDataQueries are not unique: {name}")
    start, end = epoch(call.params.get("StartTime")), epoch(call.params.get("EndTime"))
    if start >= end:
        raise invalid("The parameter EndTime must be greater than StartTime.")
    newest_first = call.params.get("ScanBy", "TimestampDescending") != "TimestampAscending"
    results = [
        _one_result(state, call, query, _rounded_start(start), end, newest_first)
        for query in queries
        if query.get("ReturnData", True)
    ]
    return {"MetricDataResults": results, "Messages": []}


def _one_result(state, call, query, start, end, newest_first):
    stat = query.get("MetricStat")
    if stat is None:
        raise invalid("The front answers MetricStat queries only, not expressions.")
    metric, period = stat.get("Metric", {}), stat.get("Period")
    if not isinstance(period, int) or period < 60 or period % 60:
        raise invalid("Period must be a multiple of 60.")
    statistic = STATISTICS.get(stat.get("Stat"))
    if statistic is None:
        raise invalid(f"The value {stat.get('Stat')} for parameter Stat is not supported.")
    dimensions = [(d["Name"], d["Value"]) for d in metric.get("Dimensions") or []]
    points = state.metrics.points(
        call.account, call.region, metric.get("Namespace"), metric.get("MetricName"), dimensions, start, end
    )
    buckets = {}
    for when, value in points:
        buckets.setdefault(int((when - start) // period), []).append(value)
    rows = sorted(buckets.items(), reverse=newest_first)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or metric.get("MetricName", ""),
        "Timestamps": [datetime.datetime.fromtimestamp(start + number * period, UTC) for number, _ in rows],
        "Values": [float(statistic(values)) for _, values in rows],
        "StatusCode": "Complete",
        "Messages": [],
    }


def list_metrics(state, call):
    """Metrics with a point in the last two weeks; dimension filters may be partial here."""
    wanted = call.params.get("Dimensions") or []
    since = time.time() - (3 * 3600 if call.params.get("RecentlyActive") else 14 * 86400)
    metrics = []
    for (namespace, name, dimensions), points in state.metrics.series(call.account, call.region).items():
        if call.params.get("Namespace") not in (None, namespace):
            continue
        if call.params.get("MetricName") not in (None, name):
            continue
        have = dict(dimensions)
        if any(d.get("Value") not in (None, have.get(d["Name"])) or d["Name"] not in have for d in wanted):
            continue
        if not points or points[-1][0] < since:
            continue
        listed = [{"Name": k, "Value": v} for k, v in sorted(have.items())]
        metrics.append({"Namespace": namespace, "MetricName": name, "Dimensions": listed})
    metrics.sort(key=lambda m: (m["Namespace"], m["MetricName"], str(m["Dimensions"])))
    return {"Metrics": metrics}


def describe_alarms(state, call):
    """The seeded alarms; the world has none on other alarms."""
    return {"MetricAlarms": state.alarms.get((call.account, call.region), []), "CompositeAlarms": []}
