"""WeScope Sync: a one-way mirror from Stripe into QuickBooks Online, exact to the cent and to the day."""

from importlib.metadata import version

__version__ = version("wescope-sync")
