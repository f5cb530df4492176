"""What moto's CloudFormation does otherwise than AWS's."""

from moto.cloudformation import parsing


def leave_out_no_values():
    """AWS leaves an element of a list out where AWS::NoValue stands; moto leaves a null there."""
    clean = parsing.clean_json

    def cleaned(value, resources):
        result = clean(value, resources)
        return [it for it in result if it is not None] if isinstance(value, list) else result

    parsing.clean_json = cleaned
