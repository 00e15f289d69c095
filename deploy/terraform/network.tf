# A network of our own: the database has a private address in it, and Cloud Run reaches it directly (no connector to
# pay for and to patch). What goes to Stripe and Intuit leaves Cloud Run by itself: only private ranges use the network.

resource "google_compute_network" "main" {
  name                    = "wescope"
  auto_create_subnetworks = false

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "run" {
  # checkov:skip=CKV_GCP_76: no address of IPv6 is used or given out
  name                     = "wescope-run"
  region                   = var.region
  network                  = google_compute_network.main.id
  ip_cidr_range            = "10.10.0.0/24"
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "deny_ingress" {
  name        = "wescope-deny-ingress"
  network     = google_compute_network.main.id
  direction   = "INGRESS"
  priority    = 65534
  description = "Nothing is reached from outside: the database answers through its own peering"

  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }
}

resource "google_compute_global_address" "database" {
  name          = "wescope-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.main.id
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}
