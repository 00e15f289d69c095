# The console: pages and API for people who sign in with your provider, or whom Google's identity-aware proxy lets pass
# (docs/access.md). Only there if `console` is set. Nobody gets further who is not named under [access] of the policy.

locals {
  consoles = var.console == null ? 0 : 1
  # Behind the proxy only the proxy may call; else the world does, and is asked to sign in.
  open_consoles = try(var.console.iap_audience, null) == null ? local.consoles : 0
  # It reads Stripe and QuickBooks Online and may be asked to post, so it needs what a worker needs; and what a sign-in does.
  console_secrets = [
    "api-tokens", "database-url", "oidc-client-secret", "qbo-client-secret", "qbo-refresh-token", "stripe-api-key",
    "stripe-webhook-secrets", "token-key"
  ]
  console_environment = merge(
    local.environment,
    {
      WESCOPE_EXPOSE      = "all"
      WESCOPE_ACCESS      = local.open_consoles == local.consoles ? "oidc" : "iap"
      WESCOPE_GCP_SECRETS = join(",", local.console_secrets)
      WESCOPE_CONFIG      = "/etc/wescope/wescope.toml"
    },
    var.console == null ? {} : { for name, value in {
      WESCOPE_PUBLIC_URL     = var.console.public_url
      WESCOPE_OIDC_ISSUER    = var.console.oidc_issuer
      WESCOPE_OIDC_CLIENT_ID = var.console.oidc_client_id
      WESCOPE_IAP_AUDIENCE   = var.console.iap_audience
    } : name => value if value != null },
  )
}

resource "google_service_account" "console" {
  account_id   = "wescope-console"
  display_name = "WeScope: the console, for people who sign in"
}

resource "google_cloud_run_v2_service" "console" {
  count = local.consoles

  name                = "wescope-console"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = true

  template {
    service_account                  = google_service_account.console.email
    timeout                          = "300s"
    max_instance_request_concurrency = 40

    scaling {
      min_instance_count = 1
      max_instance_count = var.console_instances_max
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.run.id
      }
    }

    volumes {
      name = "policy"

      secret {
        secret = google_secret_manager_secret.policy.secret_id

        items {
          path    = "wescope.toml"
          version = google_secret_manager_secret_version.policy.version
        }
      }
    }

    containers {
      image = var.image
      args  = ["serve", "--role", "web"]

      ports {
        container_port = 8080
      }

      resources {
        # On between requests, too: an instance that is frozen meanwhile would lose its connections to the database.
        cpu_idle          = false
        startup_cpu_boost = true

        limits = {
          cpu    = "1"
          memory = "1Gi"
        }
      }

      dynamic "env" {
        for_each = local.console_environment

        content {
          name  = env.key
          value = env.value
        }
      }

      volume_mounts {
        name       = "policy"
        mount_path = "/etc/wescope"
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30

        http_get {
          path = "/readyz"
        }
      }

      # Not /readyz: a database that is away is no reason to start again.
      liveness_probe {
        period_seconds    = 15
        timeout_seconds   = 5
        failure_threshold = 3

        http_get {
          path = "/healthz"
        }
      }
    }
  }

  lifecycle {
    # The deployer brings in new images.
    ignore_changes = [template[0].containers[0].image, client, client_version]
  }

  depends_on = [
    google_secret_manager_secret_iam_member.console_reads,
    google_secret_manager_secret_iam_member.console_reads_policy,
  ]
}
