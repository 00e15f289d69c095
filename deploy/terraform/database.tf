# Cloud SQL for PostgreSQL. Connections are direct: session advisory locks do not survive a transaction pooler, so
# Managed Connection Pooling stays off. How many one process opens: docs/deploy.md, checked by tests/deploy.

locals {
  connections_per_web    = 13
  connections_per_worker = 26
  # A rolling deploy runs old and new instances side by side; people and commands need some, too.
  # The console opens as many as a worker.
  full_processes  = var.workers + local.consoles * var.console_instances_max
  max_connections = 2 * (var.web_instances_max * local.connections_per_web + local.full_processes * local.connections_per_worker) + 60
}

resource "google_sql_database_instance" "main" {
  # checkov:skip=CKV_GCP_6: ssl_mode below refuses what is not encrypted; a client certificate would be one more secret
  # checkov:skip=CKV2_GCP_13: a line for every statement, a hundred a second, that says nothing without its statement
  # checkov:skip=CKV_GCP_79: PostgreSQL 17 is what we chose and test the SQL against; a major version is a planned step
  name                = "wescope"
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = true

  settings {
    tier                        = var.database_tier
    edition                     = "ENTERPRISE"
    availability_type           = var.database_availability
    disk_type                   = "PD_SSD"
    disk_size                   = 20
    disk_autoresize             = true
    deletion_protection_enabled = true
    connector_enforcement       = "NOT_REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "08:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 30
      }
    }

    maintenance_window {
      day          = 7
      hour         = 9
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = false
      record_client_address   = false
    }

    database_flags {
      name  = "max_connections"
      value = tostring(local.max_connections)
    }

    database_flags {
      name  = "cloudsql.enable_pgaudit"
      value = "on"
    }

    database_flags {
      name  = "pgaudit.log"
      value = "ddl,role"
    }

    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_temp_files"
      value = "0"
    }

    database_flags {
      name  = "log_hostname"
      value = "on"
    }

    database_flags {
      name  = "log_min_messages"
      value = "warning"
    }

    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }

    # Statements carry ids and amounts, so neither they nor how long each took is logged.
    database_flags {
      name  = "log_min_duration_statement"
      value = "-1"
    }

    database_flags {
      name  = "log_statement"
      value = "ddl"
    }
  }

  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "wescope" {
  name            = "wescope"
  instance        = google_sql_database_instance.main.name
  deletion_policy = "ABANDON"
}

# The user `wescope` is made with gcloud, since its password would be in the state here; so is the secret database-url.
