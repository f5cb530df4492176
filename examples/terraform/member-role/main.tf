# The read-only role that orgscan assumes in one member account: what cloudformation/member-role.yaml makes.
#
# IAM keeps the principal of a trust policy by the internal id of the role. If the scanner's role is deleted and made
# again, also under the same name, the trust no longer admits it; `terraform apply` then writes it anew.

locals {
  document = jsondecode(file(coalesce(var.policy_file, "${path.module}/member-policy.json")))
  actions  = sort(distinct(flatten([for statement in local.document.Statement : statement.Action])))

  # A managed policy holds 6,144 characters; the longest action has fewer than 60.
  parts = { for number, actions in chunklist(local.actions, 100) : tostring(number + 1) => actions }

  tags = merge(var.tags, { "orgscan:template-version" = "1" })
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Scanner"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.scanner_principal_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = [var.organization_id]
    }

    dynamic "condition" {
      for_each = var.external_id == null ? [] : [var.external_id]

      content {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }
    }
  }
}

data "aws_iam_policy_document" "read" {
  for_each = local.parts

  statement {
    sid       = "OrgscanRead${each.key}"
    actions   = each.value
    resources = ["*"]
  }
}

resource "aws_iam_role" "read_only" {
  name                 = var.role_name
  description          = "orgscan reads this account through this role"
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = local.tags
}

resource "aws_iam_policy" "read" {
  for_each = local.parts

  name        = "${var.role_name}-${each.key}"
  description = "What orgscan may read, part ${each.key}"
  policy      = data.aws_iam_policy_document.read[each.key].json
  tags        = local.tags
}

resource "aws_iam_role_policy_attachment" "read" {
  for_each = local.parts

  role       = aws_iam_role.read_only.name
  policy_arn = aws_iam_policy.read[each.key].arn
}
