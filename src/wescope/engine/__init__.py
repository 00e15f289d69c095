"""The loop: hint, read the subject from Stripe, desired documents, plan, apply to QBO, links."""
