"""The console: pages for finance and engineers, rendered here, readable without scripts, each with a JSON twin."""
