"""QuickBooks Online's side: client, OAuth, limits, faults, queries, payloads, the company's reference data."""
