# What is watched. The alert policies are files that are generated with the service's own rules (deploy/alerts).

locals {
  alert_files = fileset("${path.module}/../alerts/cloud-monitoring", "*.json")
  alerts      = { for name in local.alert_files : trimsuffix(name, ".json") => jsondecode(file("${path.module}/../alerts/cloud-monitoring/${name}")) }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = "WeScope Sync: ${each.value}"
  type         = "email"

  labels = {
    email_address = each.value
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "rule" {
  for_each = local.alerts

  display_name = each.value.displayName
  combiner     = each.value.combiner
  enabled      = each.value.enabled
  severity     = each.value.severity
  user_labels  = each.value.userLabels

  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      condition_prometheus_query_language {
        query                     = conditions.value.conditionPrometheusQueryLanguage.query
        duration                  = conditions.value.conditionPrometheusQueryLanguage.duration
        evaluation_interval       = conditions.value.conditionPrometheusQueryLanguage.evaluationInterval
        alert_rule                = conditions.value.conditionPrometheusQueryLanguage.alertRule
        rule_group                = conditions.value.conditionPrometheusQueryLanguage.ruleGroup
        disable_metric_validation = conditions.value.conditionPrometheusQueryLanguage.disableMetricValidation
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
  }
}

# From outside, as Stripe comes. Cloud Run itself answers some paths that end in z: so not /healthz and /readyz.
resource "google_monitoring_uptime_check_config" "web" {
  for_each = toset(["health", "ready"])

  display_name = "WeScope Sync: /${each.value}"
  period       = "60s"
  timeout      = "10s"

  http_check {
    path         = "/${each.value}"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.project
      host       = trimprefix(google_cloud_run_v2_service.web.uri, "https://")
    }
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  for_each = google_monitoring_uptime_check_config.web

  display_name          = "WeScope Sync: the receiver's /${each.key} does not answer"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  documentation {
    content   = "Stripe sends again for three days, and the sweep finds what it did not send: nothing is lost. Look at the logs of wescope-web, then at the database."
    mime_type = "text/markdown"
  }

  conditions {
    display_name = "Fewer than all regions get an answer"

    condition_threshold {
      filter          = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${each.value.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }

      trigger {
        count = 1
      }
    }
  }
}

# The receiver has no collector beside it: what it refuses is counted from its log.
resource "google_logging_metric" "refused" {
  name        = "wescope/webhooks_refused"
  description = "Webhooks that were refused, by code: forged ones, a signing secret that does not fit, a database that is away"
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"wescope-web\" AND jsonPayload.code:* AND (jsonPayload.event=\"webhook refused\" OR jsonPayload.message=\"webhook refused\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    labels {
      key        = "code"
      value_type = "STRING"
    }
  }

  label_extractors = {
    code = "EXTRACT(jsonPayload.code)"
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "refused" {
  display_name          = "WeScope Sync: many webhooks are refused"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  documentation {
    content   = "`signature_invalid`: put the end point's signing secret into the secret wescope-stripe-webhook-secrets (docs/secrets.md), or somebody forges. `database_unavailable`: look at Cloud SQL. Nothing is lost: Stripe sends again."
    mime_type = "text/markdown"
  }

  conditions {
    display_name = "More than 20 in five minutes"

    condition_threshold {
      filter          = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.refused.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 20
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["metric.label.code"]
      }
    }
  }
}
