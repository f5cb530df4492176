# The role in two accounts, each reached by its own provider. For a whole organization cloudformation/organization.yaml
# also covers the accounts that join later.

provider "aws" {
  alias   = "workloads"
  region  = "us-east-1"
  profile = "workloads"
}

provider "aws" {
  alias   = "sandbox"
  region  = "us-east-1"
  profile = "sandbox"
}

module "workloads" {
  source    = "./member-role"
  providers = { aws = aws.workloads }

  scanner_principal_arn = "arn:aws:iam::111122223333:role/OrgscanScanner"
  organization_id       = "o-a1b2c3d4e5"
}

# Only what some categories need: `orgscan policy cleanup storage > cleanup-and-storage.json`
module "sandbox" {
  source    = "./member-role"
  providers = { aws = aws.sandbox }

  scanner_principal_arn = "arn:aws:iam::111122223333:role/OrgscanScanner"
  organization_id       = "o-a1b2c3d4e5"
  policy_file           = "${path.module}/cleanup-and-storage.json"
}
