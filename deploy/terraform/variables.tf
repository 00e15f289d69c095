variable "project" {
  description = "Id of the Google Cloud project; nothing else should live in it."
  type        = string
}

variable "region" {
  description = "Where everything runs. Stripe and Intuit answer soonest from the United States."
  type        = string
  default     = "us-central1"
}

variable "image" {
  description = "The container image, by digest: REGION-docker.pkg.dev/PROJECT/wescope/wescope@sha256:..."
  type        = string
}

variable "policy" {
  description = "The text of wescope.toml: the company's choices. It holds no secret."
  type        = string
  default     = "# The defaults.\n"
}

variable "qbo_client_id" {
  description = "Client id of the app at Intuit (not secret)."
  type        = string
}

variable "qbo_realm_id" {
  description = "The QuickBooks Online company."
  type        = string
}

variable "environment" {
  description = "Further WESCOPE_ settings of web and worker that are no secrets."
  type        = map(string)
  default     = {}
}

variable "console" {
  description = "The console (docs/access.md): the address under which people reach it; and the issuer of the provider that they sign in with and the client id there, or the audience of Google's identity-aware proxy. Null: there is none, and people use commands."
  type = object({
    public_url     = string
    oidc_issuer    = optional(string)
    oidc_client_id = optional(string)
    iap_audience   = optional(string)
  })
  default = null

  validation {
    condition     = var.console == null ? true : startswith(var.console.public_url, "https://")
    error_message = "public_url must begin with https://."
  }

  validation {
    condition = var.console == null ? true : (
      var.console.iap_audience == null
      ? var.console.oidc_issuer != null && var.console.oidc_client_id != null
      : var.console.oidc_issuer == null && var.console.oidc_client_id == null
    )
    error_message = "Either oidc_issuer and oidc_client_id, or iap_audience."
  }
}

variable "console_instances_max" {
  description = "How many instances may show the console at once. Each opens up to 24 connections to the database."
  type        = number
  default     = 2
}

variable "web_instances_max" {
  description = "How many instances may receive webhooks at once. Each opens up to 11 connections to the database."
  type        = number
  default     = 4
}

variable "workers" {
  description = "How many workers always run. One posts 1,200 documents a minute, which is all that QuickBooks Online takes; two survive the loss of one without a pause."
  type        = number
  default     = 2
}

variable "database_tier" {
  description = "Machine of the database. It must carry max_connections connections (some 10 MB each)."
  type        = string
  default     = "db-custom-2-7680"
}

variable "database_availability" {
  description = "REGIONAL: a standby in another zone, for 99.95 %. ZONAL is half the price and is repaired within minutes."
  type        = string
  default     = "REGIONAL"

  validation {
    condition     = contains(["REGIONAL", "ZONAL"], var.database_availability)
    error_message = "It must be REGIONAL or ZONAL."
  }
}

variable "alert_emails" {
  description = "Who is told of alerts and of the budget."
  type        = list(string)
}

variable "deployer" {
  description = "Who may deploy as the deployer's service account, as an IAM member: a group of people, or a workload identity of continuous integration (principalSet://...)."
  type        = string
}

variable "operators" {
  description = "Who may run commands (`wescope tieout`, `backfill`, ...) as a Cloud Run job, as an IAM member such as group:finance-ops@example.com."
  type        = string
}

variable "billing_account" {
  description = "Billing account of the budget; empty: no budget."
  type        = string
  default     = ""
}

variable "monthly_budget_usd" {
  description = "Whole US dollars a month; at 50, 90 and 100 % of it, and when it is foreseen, mail is sent."
  type        = number
  default     = 400
}
