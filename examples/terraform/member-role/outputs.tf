output "role_arn" {
  description = "The role in this account."
  value       = aws_iam_role.read_only.arn
}

output "policy_arns" {
  description = "Its policies."
  value       = [for policy in aws_iam_policy.read : policy.arn]
}
