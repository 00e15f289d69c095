"""Local stand-ins for Stripe and QuickBooks Online: the embedded default and the test bed."""
