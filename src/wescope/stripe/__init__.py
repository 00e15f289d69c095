"""Stripe's side: the reader (official SDK to the values of books), webhook verification, event type to subject."""
