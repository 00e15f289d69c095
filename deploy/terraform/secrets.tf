# Secrets: only their names and who may read which. Values are put in with `gcloud secrets versions add` (docs/secrets.md).

locals {
  # Which process reads which. The receiver, which the world can reach, has no key of Stripe or QuickBooks Online.
  web_secrets = ["database-url", "qbo-webhook-verifier", "stripe-webhook-secrets"]
  worker_secrets = [
    "alert-webhook-url", "database-url", "qbo-client-secret", "qbo-refresh-token", "smtp-url", "stripe-api-key",
    "token-key"
  ]
  command_secrets = distinct(concat(local.worker_secrets, local.web_secrets))
  all_secrets     = distinct(concat(local.command_secrets, local.console_secrets))
}

resource "google_secret_manager_secret" "secret" {
  for_each = toset(local.all_secrets)

  secret_id = "wescope-${each.value}"

  # What is destroyed can be brought back for a week.
  version_destroy_ttl = "604800s"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}
