# The data set of the mirror: ids, amounts, dates, codes. Its tables and views are made by the worker's own schedule.

resource "google_bigquery_dataset" "mirror" {
  # checkov:skip=CKV_GCP_81: no personal data; Google's own encryption at rest is enough
  dataset_id                 = "wescope"
  location                   = var.region
  description                = "Mirror of WeScope Sync's link tables. PostgreSQL is the authority: this can be made anew at any time"
  delete_contents_on_destroy = false

  depends_on = [google_project_service.api]
}
