"""Configuration: settings from the environment, the policy file, and the key that encrypts stored tokens."""

from wescope.config.policy_file import PolicyFile, load_policy_file
from wescope.config.settings import BigQueryAccess, QboAccess, QboApp, Settings, StripeAccess, load_settings
from wescope.config.token_key import token_key

__all__ = [
    "BigQueryAccess",
    "PolicyFile",
    "QboAccess",
    "QboApp",
    "Settings",
    "StripeAccess",
    "load_policy_file",
    "load_settings",
    "token_key",
]
