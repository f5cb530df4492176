"""The codes and the wording of AWS's refusals, per service."""

from wire import ApiError


def denied(call, reason, action=None, resource=None):
    """Access denied.  IAM's message names the caller, the action and the reason."""
    action = action or call.iam_action
    on = f" on resource: {resource}" if resource else ""
    message = f"User: {call.arn} is not authorized to perform: {action}{on} {reason}".rstrip()
    if call.protocol == "ec2":
        message = "You are not authorized to perform this operation. " + message
        return ApiError("UnauthorizedOperation", message, 403)
    if call.service == "sns":
        return ApiError("AuthorizationError", message, 403)
    if call.protocol in ("query", "s3", "rest-xml"):
        return ApiError("AccessDenied", message, 403)
    return ApiError("AccessDeniedException", message, 403 if call.protocol == "rest-json" else 400)


def denied_by_scp(call):
    return denied(call, "with an explicit deny in a service control policy")


def denied_by_role(call):
    return denied(call, f"because no identity-based policy allows the {call.iam_action} action")


def invalid_token(call):
    """An access key that AWS does not know."""
    message = "The security token included in the request is invalid."
    if call.protocol == "ec2":
        text = "AWS was not able to validate the provided access credentials"
        return ApiError("AuthFailure", text, 401)
    if call.protocol == "s3":
        text = "The AWS Access Key Id you provided does not exist in our records."
        return ApiError("InvalidAccessKeyId", text, 403)
    if call.protocol in ("query", "rest-xml"):
        return ApiError("InvalidClientTokenId", message, 403)
    status = 403 if call.protocol == "rest-json" else 400
    return ApiError("UnrecognizedClientException", message, status)


def unknown_access_key(call):
    """A forged access key: STS and the other services say InvalidClientTokenId."""
    text = "The security token included in the request is invalid."
    if call.protocol in ("ec2", "s3"):
        return invalid_token(call)
    return ApiError("InvalidClientTokenId", text, 403)


def region_not_enabled(call):
    """The account has not enabled the region: the same words as for a bad token."""
    if call.protocol == "s3":
        text = "The provided token is malformed or otherwise invalid."
        return ApiError("InvalidToken", text, 400)
    return invalid_token(call)


def expired(call):
    text = "The security token included in the request is expired"
    if call.protocol == "s3":
        return ApiError("ExpiredToken", "The provided token has expired.", 400)
    if call.protocol in ("ec2", "query", "rest-xml"):
        return ApiError("ExpiredToken", text, 403)
    status = 403 if call.protocol == "rest-json" else 400
    return ApiError("ExpiredTokenException", text, status)


def throttled(call):
    """Each service has its own word for "too fast"."""
    if call.protocol == "ec2":
        return ApiError("RequestLimitExceeded", "Request limit exceeded.", 503)
    if call.service == "s3":
        return ApiError("SlowDown", "Please reduce your request rate.", 503)
    if call.service in ("organizations", "lambda", "account"):
        status = 400 if call.service == "organizations" else 429
        return ApiError("TooManyRequestsException", "Rate exceeded", status)
    if call.service == "ce":
        return ApiError("LimitExceededException", "Rate exceeded", 400)
    if call.protocol in ("query", "rest-xml"):
        return ApiError("Throttling", "Rate exceeded", 400)
    return ApiError("ThrottlingException", "Rate exceeded", 400)


def server_error(call):
    text = "The service is unavailable. Please try again shortly."
    if call.protocol == "ec2":
        return ApiError("Unavailable", text, 503)
    if call.protocol in ("query", "s3", "rest-xml"):
        return ApiError("ServiceUnavailable", text, 503)
    return ApiError("ServiceUnavailableException", text, 503)


def unknown_operation(call):
    """An action that AWS does not have.  JSON services have another word for it."""
    if call.protocol in ("json", "cbor"):
        return ApiError("UnknownOperationException", f"Unknown operation {call.operation}", 400)
    text = f"The action {call.operation} is not valid for this web service."
    return ApiError("InvalidAction", text, 400)


def invalid_page_token(call):
    """A page token that was not issued for this very list."""
    by_service = {
        "ec2": ("InvalidParameterValue", "Unable to parse pagination token"),
        "autoscaling": ("InvalidNextToken", "The token is invalid"),
        "elb": ("ValidationError", "The marker is invalid"),
        "elbv2": ("ValidationError", "The marker is invalid"),
        "organizations": ("InvalidInputException", "You specified an invalid value for NextToken."),
        "lambda": ("InvalidParameterValueException", "Invalid Marker"),
        "logs": ("InvalidParameterException", "The specified nextToken is invalid."),
        "s3": ("InvalidArgument", "The continuation token provided is incorrect"),
        "cloudfront": ("InvalidArgument", "The parameter Marker is invalid."),
        "route53": ("InvalidInput", "The marker is invalid."),
        "sns": ("InvalidParameter", "Invalid parameter: NextToken"),
        "sqs": ("InvalidParameterValue", "Invalid or expired next token."),
        "tag": ("InvalidParameterException", "The PaginationToken is invalid."),
        "cloudwatch": ("InvalidNextToken", "The token is invalid"),
        "ce": ("InvalidNextTokenException", "The pagination token is invalid."),
        "cost-optimization-hub": ("ValidationException", "The nextToken is invalid."),
        "account": ("ValidationException", "The NextToken is invalid."),
    }
    code, text = by_service.get(call.service, ("ValidationException", "The token is invalid."))
    return ApiError(code, text, 400)
