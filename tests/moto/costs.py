"""Cost Explorer and Cost Optimization Hub over the seeded tables."""

import calendar
import datetime
from fractions import Fraction

from wire import ApiError

METRICS = [
    "AmortizedCost",
    "BlendedCost",
    "NetAmortizedCost",
    "NetUnblendedCost",
    "NormalizedUsageAmount",
    "UnblendedCost",
    "UsageQuantity",
]
DIMENSIONS = {
    "SERVICE": "service",
    "LINKED_ACCOUNT": "account_id",
    "REGION": "region",
    "RECORD_TYPE": "record_type",
}


def invalid(text):
    return ApiError("ValidationException", text, 400)


def today():
    return datetime.datetime.now(datetime.timezone.utc).date()


def next_month(day):
    return (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)


def money(amount):
    """Amounts are strings with at most ten decimals, as Cost Explorer writes them."""
    text = f"{float(amount):.10f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def amount_between(row, start, end):
    """The row's cost within `[start, end)`, its month spread evenly over its days.

    The running month has cost up to and including today.
    """
    first = datetime.date.fromisoformat(row["month"] + "-01")
    days = calendar.monthrange(first.year, first.month)[1]
    if (first.year, first.month) == (today().year, today().month):
        days = today().day
    last = first + datetime.timedelta(days=days)
    covered = (min(end, last) - max(start, first)).days
    return Fraction(row["amount"]) * max(covered, 0) / days


def matches(row, expression):
    """Evaluates a Cost Explorer filter on a row."""
    if not expression:
        return True
    if "And" in expression:
        return all(matches(row, part) for part in expression["And"])
    if "Or" in expression:
        return any(matches(row, part) for part in expression["Or"])
    if "Not" in expression:
        return not matches(row, expression["Not"])
    dimension = expression.get("Dimensions")
    if dimension is None or dimension.get("Key") not in DIMENSIONS:
        raise invalid(f"The front does not know the filter {expression}")
    return row[DIMENSIONS[dimension["Key"]]] in dimension.get("Values", [])


def periods(start, end, granularity):
    """The time periods of the answer; a month may be cut at either end."""
    while start < end:
        stop = next_month(start) if granularity == "MONTHLY" else start + datetime.timedelta(days=1)
        yield start, min(stop, end)
        start = stop


def _read_period(params):
    period = params.get("TimePeriod") or {}
    try:
        start = datetime.date.fromisoformat(period.get("Start", ""))
        end = datetime.date.fromisoformat(period.get("End", ""))
    except ValueError:
        raise invalid("Start and End dates must be of the form yyyy-MM-dd.") from None
    if start >= end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    if end > next_month(today()):
        raise invalid("end date past the beginning of next month")
    earliest = today().replace(day=1)
    for _ in range(14):
        earliest = (earliest - datetime.timedelta(days=1)).replace(day=1)
    if start < earliest:
        raise invalid("You haven't enabled historical data beyond 14 months")
    return start, end


def cost_rows(state, call):
    """All (period, keys, amounts) rows of a GetCostAndUsage answer, before paging."""
    params = call.params
    start, end = _read_period(params)
    granularity = params.get("Granularity")
    if granularity not in ("MONTHLY", "DAILY"):
        raise invalid(f"Granularity {granularity} is not supported")
    metrics = params.get("Metrics") or []
    if not metrics or any(metric not in METRICS for metric in metrics):
        raise invalid(f"Metrics must be some of {METRICS}")
    groups = params.get("GroupBy") or []
    if len(groups) > 2:
        raise invalid("The maximum number of GroupBy is 2")
    for group in groups:
        if group.get("Type") != "DIMENSION" or group.get("Key") not in DIMENSIONS:
            raise invalid(f"GroupBy {group} is not supported")
    columns = [DIMENSIONS[group["Key"]] for group in groups]
    rows = [row for row in state.costs if matches(row, params.get("Filter"))]
    if call.account != state.management:  # a member sees its own costs only
        rows = [row for row in rows if row["account_id"] == call.account]
    answer = []
    for first, last in periods(start, end, granularity):
        sums = {}
        for row in rows:
            amount = amount_between(row, first, last)
            if amount:
                keys = tuple(row[column] for column in columns)
                sums[keys] = sums.get(keys, 0) + amount
        if not groups:
            sums = {(): sums.get((), 0)}
        if not sums:
            answer.append((first, last, None, None))
        for keys in sorted(sums):
            answer.append((first, last, keys, sums[keys]))
    return answer


def _metrics(metrics, amount):
    return {
        metric: {
            "Amount": money(amount),
            "Unit": "N/A" if metric in ("UsageQuantity", "NormalizedUsageAmount") else "USD",
        }
        for metric in metrics
    }


def cost_answer(state, call, rows):
    """Builds the answer from one page of rows; a period may go on on the next page."""
    metrics, groups = call.params["Metrics"], call.params.get("GroupBy") or []
    results, accounts = {}, set()
    running = today().replace(day=1)
    for first, last, keys, amount in rows:
        result = results.setdefault(
            first,
            {
                "TimePeriod": {"Start": first.isoformat(), "End": last.isoformat()},
                "Total": {},
                "Groups": [],
                "Estimated": last > running,
            },
        )
        if keys is None:
            continue
        if not groups:
            result["Total"] = _metrics(metrics, amount)
            continue
        result["Groups"].append({"Keys": list(keys), "Metrics": _metrics(metrics, amount)})
        for group, key in zip(groups, keys):
            if group["Key"] == "LINKED_ACCOUNT":
                accounts.add(key)
    answer = {"ResultsByTime": list(results.values())}
    if groups:
        answer["GroupDefinitions"] = groups
    answer["DimensionValueAttributes"] = [
        {"Value": account, "Attributes": {"description": state.accounts[account].name}}
        for account in sorted(accounts)
    ]
    return answer


def list_enrollment_statuses(state, call):
    """Cost Optimization Hub: who is enrolled.  The caller alone unless it asks for the organization."""
    status = "Inactive" if call.profile.faults.get("coh_not_enrolled") else "Active"
    accounts = [call.account]
    if call.account == state.management and call.params.get("includeOrganizationInfo"):
        accounts = [a.id for a in state.accounts.values() if a.state == "ACTIVE"]
    if call.params.get("accountId"):
        accounts = [call.params["accountId"]]
    stamp = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
    return {
        "items": [
            {"accountId": a, "status": status, "createdTimestamp": stamp, "lastUpdatedTimestamp": stamp}
            for a in accounts
        ],
        "includeMemberAccounts": call.account == state.management,
    }


def enrollment_status(call):
    """Compute Optimizer: whether the account, and its members, are watched."""
    off = call.profile.faults.get("compute_optimizer_off")
    return {"status": "Inactive" if off else "Active", "memberAccountsEnrolled": not off}


def list_recommendations(state, call):
    """Cost Optimization Hub: the seeded recommendations that pass the filter."""
    if call.profile.faults.get("coh_not_enrolled"):
        raise ApiError("AccessDeniedException", "AWS account is not enrolled for recommendations.", 400)
    asked = call.params.get("filter") or {}
    fields = {
        "accountIds": "accountId",
        "regions": "region",
        "resourceTypes": "currentResourceType",
        "actionTypes": "actionType",
        "implementationEfforts": "implementationEffort",
        "resourceIds": "resourceId",
        "resourceArns": "resourceArn",
        "recommendationIds": "recommendationId",
    }
    items = state.recommendations
    for name, value in asked.items():
        if name in fields:
            items = [item for item in items if item[fields[name]] in value]
        elif name in ("restartNeeded", "rollbackPossible"):
            items = [item for item in items if item[name] == value]
        else:
            raise invalid(f"The front does not know the filter {name}")
    if call.account != state.management:
        items = [item for item in items if item["accountId"] == call.account]
    return {"items": items}
