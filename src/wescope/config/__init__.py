"""Configuration: settings, secrets, the policy file, and the keys that encrypt stored tokens."""

from wescope.config.policy_file import PolicyFile, load_policy_file
from wescope.config.secret_source import LiveSecret, SecretSource, load_settings
from wescope.config.settings import BigQueryAccess, QboAccess, QboApp, Settings, StripeAccess
from wescope.config.token_key import token_keys

__all__ = [
    "BigQueryAccess",
    "LiveSecret",
    "PolicyFile",
    "QboAccess",
    "QboApp",
    "SecretSource",
    "Settings",
    "StripeAccess",
    "load_policy_file",
    "load_settings",
    "token_keys",
]
