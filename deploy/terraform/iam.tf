# Who may do what. Every binding here is a row of the table in docs/deploy.md (tests/deploy compares them).

resource "google_service_account" "web" {
  account_id   = "wescope-web"
  display_name = "WeScope: receives webhooks, reachable by the world"
}

resource "google_service_account" "worker" {
  account_id   = "wescope-worker"
  display_name = "WeScope: posts to QuickBooks Online, mirrors to BigQuery"
}

resource "google_service_account" "command" {
  account_id   = "wescope-command"
  display_name = "WeScope: commands that people run"
}

resource "google_service_account" "deployer" {
  account_id   = "wescope-deployer"
  display_name = "WeScope: brings new images into service"
}

# --- secrets, one by one ----------------------------------------------------------------------------------------------

resource "google_secret_manager_secret_iam_member" "web_reads" {
  for_each = toset(local.web_secrets)

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.web.member
}

resource "google_secret_manager_secret_iam_member" "worker_reads" {
  for_each = toset(local.worker_secrets)

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "worker_writes_refresh_token" {
  secret_id = google_secret_manager_secret.secret["qbo-refresh-token"].id
  role      = "roles/secretmanager.secretVersionManager"
  member    = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "command_reads" {
  for_each = toset(local.command_secrets)

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.command.member
}

resource "google_secret_manager_secret_iam_member" "command_writes_refresh_token" {
  secret_id = google_secret_manager_secret.secret["qbo-refresh-token"].id
  role      = "roles/secretmanager.secretVersionManager"
  member    = google_service_account.command.member
}

resource "google_secret_manager_secret_iam_member" "console_reads" {
  for_each = toset(local.console_secrets)

  secret_id = google_secret_manager_secret.secret[each.value].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.console.member
}

resource "google_secret_manager_secret_iam_member" "console_reads_policy" {
  secret_id = google_secret_manager_secret.policy.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.console.member
}

resource "google_secret_manager_secret_iam_member" "console_writes_refresh_token" {
  secret_id = google_secret_manager_secret.secret["qbo-refresh-token"].id
  role      = "roles/secretmanager.secretVersionManager"
  member    = google_service_account.console.member
}

resource "google_secret_manager_secret_iam_member" "worker_reads_policy" {
  secret_id = google_secret_manager_secret.policy.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "command_reads_policy" {
  secret_id = google_secret_manager_secret.policy.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.command.member
}

# --- what the processes report ----------------------------------------------------------------------------------------

resource "google_project_iam_member" "web_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.web.member
}

resource "google_project_iam_member" "web_traces" {
  project = var.project
  role    = "roles/telemetry.tracesWriter"
  member  = google_service_account.web.member
}

resource "google_project_iam_member" "worker_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.worker.member
}

resource "google_project_iam_member" "worker_traces" {
  project = var.project
  role    = "roles/telemetry.tracesWriter"
  member  = google_service_account.worker.member
}

resource "google_project_iam_member" "worker_metrics" {
  project = var.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.worker.member
}

resource "google_project_iam_member" "console_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.console.member
}

resource "google_project_iam_member" "console_traces" {
  project = var.project
  role    = "roles/telemetry.tracesWriter"
  member  = google_service_account.console.member
}

resource "google_project_iam_member" "command_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.command.member
}

# --- BigQuery: one data set ---------------------------------------------------------------------------------------------

resource "google_bigquery_dataset_iam_member" "worker_edits" {
  dataset_id = google_bigquery_dataset.mirror.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.worker.member
}

resource "google_project_iam_member" "worker_bigquery_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.worker.member
}

resource "google_bigquery_dataset_iam_member" "command_edits" {
  dataset_id = google_bigquery_dataset.mirror.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.command.member
}

resource "google_project_iam_member" "command_bigquery_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.command.member
}

# --- callers of Cloud Run -----------------------------------------------------------------------------------------------

resource "google_cloud_run_v2_service_iam_member" "web_everybody" {
  # Stripe and Intuit bring no Google identity: what they send is signed, and the process answers nothing else.
  name     = google_cloud_run_v2_service.web.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "console_everybody" {
  # People's browsers bring no Google identity: the process itself has them sign in, and answers nothing before.
  count = local.open_consoles

  name     = google_cloud_run_v2_service.console[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_job_iam_member" "operators_run_commands" {
  name     = google_cloud_run_v2_job.command.name
  location = var.region
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = var.operators
}

# --- the deployer -------------------------------------------------------------------------------------------------------

resource "google_service_account_iam_member" "deployer_is_used_by" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = var.deployer
}

resource "google_artifact_registry_repository_iam_member" "deployer_pushes" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deployer.member
}

resource "google_cloud_run_v2_service_iam_member" "deployer_updates_web" {
  name     = google_cloud_run_v2_service.web.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_cloud_run_v2_service_iam_member" "deployer_updates_worker" {
  name     = google_cloud_run_v2_service.worker.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_cloud_run_v2_service_iam_member" "deployer_updates_console" {
  count = local.consoles

  name     = google_cloud_run_v2_service.console[0].name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_cloud_run_v2_job_iam_member" "deployer_updates_command" {
  name     = google_cloud_run_v2_job.command.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "deployer_runs_as_web" {
  service_account_id = google_service_account.web.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "deployer_runs_as_worker" {
  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "deployer_runs_as_console" {
  service_account_id = google_service_account.console.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "deployer_runs_as_command" {
  service_account_id = google_service_account.command.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}
