"""What moto's CloudFormation does otherwise than AWS's."""

import json

from moto.cloudformation import parsing
from moto.iam.models import Role


def repair():
    """Lets moto do what AWS does; once, before the first stack."""
    _leave_out_no_values()
    _keep_inline_policies_as_json()


def _leave_out_no_values():
    """AWS leaves an element of a list out where AWS::NoValue stands; moto leaves a null there."""
    clean = parsing.clean_json

    def cleaned(value, resources):
        result = clean(value, resources)
        return [it for it in result if it is not None] if isinstance(value, list) else result

    parsing.clean_json = cleaned


def _keep_inline_policies_as_json():
    """AWS keeps what a template wrote inline as JSON; moto keeps it as Python writes it."""
    put = Role.put_policy

    def put_as_json(self, policy_name, policy_json):
        put(self, policy_name, policy_json if isinstance(policy_json, str) else json.dumps(policy_json))

    Role.put_policy = put_as_json
