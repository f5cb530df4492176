variable "scanner_principal_arn" {
  description = "The exact ARN of the role that orgscan runs as. It must exist."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,575}$", var.scanner_principal_arn))
    error_message = "Must be the ARN of one IAM role."
  }
}

variable "organization_id" {
  description = "The id of the organization that the scanner must belong to."
  type        = string

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "Must look like o-a1b2c3d4e5."
  }
}

variable "role_name" {
  description = "The name of the role, the same in every account (--role-name of orgscan)."
  type        = string
  default     = "OrgscanReadOnly"
}

variable "external_id" {
  description = "An external id that orgscan must present (--external-id); null for none. It is not a secret."
  type        = string
  default     = null
}

variable "policy_file" {
  description = "The policy as `orgscan policy` prints it, for all tools or for some; null for the copy in this module."
  type        = string
  default     = null
}

variable "tags" {
  description = "More tags for the role and its policies."
  type        = map(string)
  default     = {}
}
