"""HTTP: webhook receivers, health, metrics, the JSON API."""
