"""Rolls orgscan out into the world of the tests as docs/rollout.md does: from the templates of cloudformation/.

The scanner runs in the management account. What its role and the members' roles may do, and whom they trust, is then read
from moto's IAM, and the front permits that and nothing else.
"""

import pathlib

from state import Role

TEMPLATES = pathlib.Path(__file__).parents[2] / "cloudformation"
SCANNER = "OrgscanScanner"
MEMBER = "OrgscanReadOnly"
STACK_SET = "orgscan-member-role"


def read(name):
    return (TEMPLATES / f"{name}.yaml").read_text()


def parameters(**values):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def roll_out(seed):
    """Makes the stacks, the StackSet and its stacks; keeps the roles that come out."""
    management, state = seed.state.management, seed.state
    stacks = seed.aws("cloudformation", management)
    for stack, name, values in (
        ("orgscan-scanner", "scanner", {}),
        ("orgscan-own-account", "single-account", {"AttachToRole": SCANNER}),
    ):
        stacks.create_stack(
            StackName=stack,
            TemplateBody=read(name),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=parameters(**values),
        )
    stacks.create_stack_set(
        StackSetName=STACK_SET,
        TemplateBody=read("member-role"),
        PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=parameters(
            ScannerPrincipalArn=f"arn:aws:iam::{management}:role/{SCANNER}", OrganizationId=state.organization
        ),
    )
    # Units right below the root; those below them are meant with them.
    units = [ou for ou, path in state.ou_paths.items() if path.count("/") == 3]
    stacks.create_stack_instances(
        StackSetName=STACK_SET, DeploymentTargets={"OrganizationalUnitIds": units}, Regions=["us-east-1"]
    )
    seed.aws("config", management).put_configuration_aggregator(
        ConfigurationAggregatorName="organization",
        OrganizationAggregationSource={
            "RoleArn": f"arn:aws:iam::{management}:role/aws-service-role/organizations.amazonaws.com/aggregator",
            "AllAwsRegions": True,
        },
    )
    for account in state.accounts:
        name = SCANNER if account == management else MEMBER
        state.roles[account] = role(seed.aws("iam", account), name)


def role(iam, name):
    """A role as moto's IAM has it."""
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    policies = [
        iam.get_role_policy(RoleName=name, PolicyName=it)["PolicyDocument"]
        for it in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    for it in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        arn = it["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        policies.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    return Role(name, trust, [it for policy in policies for it in policy["Statement"]])
