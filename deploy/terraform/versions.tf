# Terraform and provider. State holds no secret value: secrets are put in with gcloud (docs/deploy.md).
terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }

  # A bucket of your own, with versioning; name it at `terraform init -backend-config=bucket=NAME`.
  backend "gcs" {
    prefix = "wescope"
  }
}

provider "google" {
  project = var.project
  region  = var.region

  # The budget belongs to the billing account; its API wants to know which project asks.
  user_project_override = true
  billing_project       = var.project
}
