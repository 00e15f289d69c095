output "stripe_endpoint" {
  description = "The address to enter in Stripe as a webhook end point."
  value       = "${google_cloud_run_v2_service.web.uri}/webhooks/stripe"
}

output "qbo_endpoint" {
  description = "The address to enter at Intuit for webhooks."
  value       = "${google_cloud_run_v2_service.web.uri}/webhooks/qbo"
}

output "console_address" {
  description = "Where Cloud Run shows the console; what public_url names must lead there. Its redirect URI at the provider is <public_url>/sign-in/callback."
  value       = one(google_cloud_run_v2_service.console[*].uri)
}

output "database_address" {
  description = "The database's private address, for the secret wescope-database-url."
  value       = google_sql_database_instance.main.private_ip_address
}

output "images" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}/wescope"
}
