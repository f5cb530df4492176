"""What the seed tells the front: the organization and everything that moto cannot hold."""

import bisect
from dataclasses import dataclass, field

# Regions that exist in AllRegions answers and are not enabled for anybody.
OTHER_REGIONS = ["ap-east-1", "eu-central-2", "me-south-1"]


@dataclass
class Account:
    """A member of the organization (or its management account)."""

    id: str
    name: str
    state: str
    ou_path: str  # names, "Workloads/Prod"; "" for the root
    path: str  # ids, "o-x/r-x/ou-x/123456789012/"


class Metrics:
    """CloudWatch datapoints: exact dimension sets, one value per timestamp.

    The points do not live in moto, which matches metrics whose dimensions merely
    contain the asked ones and walks over all its points for each query.
    """

    def __init__(self):
        self._series = {}

    def put(self, account, region, namespace, name, dimensions, points):
        """Adds `(epoch seconds, value)` points."""
        key = (namespace, name, frozenset(dimensions.items()))
        series = self._series.setdefault((account, region), {}).setdefault(key, [])
        for point in points:
            bisect.insort(series, (float(point[0]), float(point[1])))

    def series(self, account, region):
        return self._series.get((account, region), {})

    def points(self, account, region, namespace, name, dimensions, start, end):
        """The points of exactly this metric with `start <= time < end`."""
        key = (namespace, name, frozenset(dimensions))
        series = self.series(account, region).get(key, [])
        return series[bisect.bisect_left(series, (start,)) : bisect.bisect_left(series, (end,))]


@dataclass
class Role:
    """A role that the rollout made."""

    name: str
    trust: dict
    statements: list  # of all its policies

    def permits(self, action):
        """Whether an action is named in a statement that allows it.  The templates use no patterns."""
        return any(it["Effect"] == "Allow" and action in listed(it["Action"]) for it in self.statements)

    def actions(self):
        """All that it permits."""
        return sorted({action for it in self.statements for action in listed(it["Action"])})

    def trusts(self, arn, external_id):
        """Whether a role may assume this one.  The organization is the caller's own here."""
        for it in self.trust["Statement"]:
            wanted = it.get("Condition", {}).get("StringEquals", {})
            if it["Principal"].get("AWS") == arn and wanted.get("sts:ExternalId", external_id) == external_id:
                return True
        return False


def listed(value):
    return value if isinstance(value, list) else [value]


@dataclass
class State:
    """Everything the front knows beside moto's own data."""

    management: str = ""
    organization: str = ""
    regions: list = field(default_factory=list)
    accounts: dict = field(default_factory=dict)  # id -> Account
    roles: dict = field(default_factory=dict)  # account id -> Role: the scanner's in the management account
    ou_paths: dict = field(default_factory=dict)  # OU id -> "o-x/r-x/ou-x/"
    metrics: Metrics = field(default_factory=Metrics)
    costs: list = field(default_factory=list)
    recommendations: list = field(default_factory=list)
    bucket_regions: dict = field(default_factory=dict)
    metrics_configurations: dict = field(default_factory=dict)  # bucket -> [configuration id]
    log_groups: dict = field(default_factory=dict)  # (account, region, name) -> what moto lacks of it
    queues: dict = field(default_factory=dict)  # (account, region, name) -> attributes that moto lacks
    alarms: dict = field(default_factory=dict)  # (account, region) -> [alarm]
    provisioned: dict = field(default_factory=dict)  # (account, region, function) -> [config]
