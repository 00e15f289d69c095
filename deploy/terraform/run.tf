# Cloud Run: `web` receives (the world reaches it, scaled on requests), `worker` posts (always on, reached by nobody),
# `command` is the command line, one execution per command. One image, three service accounts.

locals {
  environment = merge(
    {
      WESCOPE_HOST          = "0.0.0.0"
      WESCOPE_SECRETS       = "gcp"
      WESCOPE_GCP_PROJECT   = var.project
      WESCOPE_QBO_REALM_ID  = var.qbo_realm_id
      WESCOPE_QBO_CLIENT_ID = var.qbo_client_id
    },
    var.environment,
  )
  web_environment = merge(local.environment, {
    WESCOPE_EXPOSE      = "webhooks"
    WESCOPE_GCP_SECRETS = join(",", local.web_secrets)
  })
  worker_environment = merge(local.environment, {
    WESCOPE_EXPOSE      = "health"
    WESCOPE_GCP_SECRETS = join(",", local.worker_secrets)
    WESCOPE_CONFIG      = "/etc/wescope/wescope.toml"

    WESCOPE_BIGQUERY_DATASET = google_bigquery_dataset.mirror.dataset_id
  })
  command_environment = merge(local.worker_environment, {
    WESCOPE_GCP_SECRETS = join(",", local.command_secrets)
  })
}

# The policy file is no secret; Secret Manager is how Cloud Run brings a file into a container.
resource "google_secret_manager_secret" "policy" {
  secret_id = "wescope-policy"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "policy" {
  secret      = google_secret_manager_secret.policy.id
  secret_data = var.policy
}

resource "google_cloud_run_v2_service" "web" {
  name                = "wescope-web"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = true

  template {
    service_account                  = google_service_account.web.email
    timeout                          = "30s"
    max_instance_request_concurrency = 40

    scaling {
      min_instance_count = 1
      max_instance_count = var.web_instances_max
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"

      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.run.id
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
          memory = "512Mi"
        }
      }

      dynamic "env" {
        for_each = local.web_environment

        content {
          name  = env.key
          value = env.value
        }
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

  depends_on = [google_secret_manager_secret_iam_member.web_reads]
}

resource "google_cloud_run_v2_service" "worker" {
  name                = "wescope-worker"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = true

  template {
    service_account = google_service_account.worker.email

    # No request scales it: jobs come from the database.
    scaling {
      min_instance_count = var.workers
      max_instance_count = var.workers
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
      name  = "wescope"
      image = var.image
      args  = ["serve", "--role", "worker"]

      ports {
        container_port = 8080
      }

      resources {
        cpu_idle          = false
        startup_cpu_boost = true

        limits = {
          cpu    = "1"
          memory = "1Gi"
        }
      }

      dynamic "env" {
        for_each = local.worker_environment

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

      liveness_probe {
        period_seconds    = 15
        timeout_seconds   = 5
        failure_threshold = 3

        http_get {
          path = "/healthz"
        }
      }
    }

    # Google's collector: reads /metrics on this machine every half minute into Managed Prometheus, which the alert
    # policies ask.
    containers {
      name       = "collector"
      image      = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
      depends_on = ["wescope"]

      # Newer versions want to be told; older ones have the same as their default.
      env {
        name  = "GMP_CFG_SPEC"
        value = yamlencode({ endpoints = [{ port = "8080", path = "/metrics", interval = "30s" }] })
      }

      resources {
        limits = {
          cpu    = "0.5"
          memory = "256Mi"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].containers[0].image, client, client_version]
  }

  depends_on = [
    google_secret_manager_secret_iam_member.worker_reads,
    google_secret_manager_secret_iam_member.worker_reads_policy,
  ]
}

resource "google_cloud_run_v2_job" "command" {
  name                = "wescope-command"
  location            = var.region
  deletion_protection = true

  template {
    template {
      service_account = google_service_account.command.email
      max_retries     = 0
      timeout         = "86400s"

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
        args  = ["status"]

        resources {
          limits = {
            cpu    = "1"
            memory = "1Gi"
          }
        }

        dynamic "env" {
          for_each = local.command_environment

          content {
            name  = env.key
            value = env.value
          }
        }

        volume_mounts {
          name       = "policy"
          mount_path = "/etc/wescope"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].template[0].containers[0].image, client, client_version]
  }

  depends_on = [
    google_secret_manager_secret_iam_member.command_reads,
    google_secret_manager_secret_iam_member.command_reads_policy,
  ]
}
