"""What Google's libraries raise has our codes, and none of their texts."""

import importlib
from typing import Any

import pytest

from wescope.engine.warehouse_errors import WarehouseError, warehouse_errors

# Their constructors have no types.
api: Any = importlib.import_module("google.api_core.exceptions")
auth: Any = importlib.import_module("google.auth.exceptions")
web: Any = importlib.import_module("requests.exceptions")


def told(reason: str) -> list[dict[str, str]]:
    return [{"reason": reason, "message": "hunter2"}]


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (api.Forbidden("hunter2", errors=told("accessDenied")), "bigquery_refused", "accessDenied"),
        (api.Forbidden("hunter2", errors=told("quotaExceeded")), "bigquery_quota", "quotaExceeded"),
        (api.Forbidden("hunter2", errors=told("rateLimitExceeded")), "bigquery_quota", "rateLimitExceeded"),
        (api.Forbidden("hunter2", errors=told("billingNotEnabled")), "bigquery_refused", "billingNotEnabled"),
        (api.Unauthorized("hunter2"), "bigquery_refused", "Unauthorized"),
        (api.TooManyRequests("hunter2"), "bigquery_quota", "TooManyRequests"),
        (api.NotFound("hunter2"), "bigquery_dataset_missing", "NotFound"),
        (api.BadRequest("hunter2", errors=told("invalidQuery")), "bigquery_rejected", "invalidQuery"),
        (api.ServiceUnavailable("hunter2"), "bigquery_unavailable", "ServiceUnavailable"),
        (api.BadRequest("hunter2", errors=told("jobBackendError")), "bigquery_unavailable", "jobBackendError"),
        (api.RetryError("hunter2", TimeoutError()), "bigquery_unavailable", "TimeoutError"),
        (web.ConnectionError("hunter2"), "bigquery_unavailable", "ConnectionError"),
        (TimeoutError("hunter2"), "bigquery_unavailable", "TimeoutError"),
        (auth.TransportError("hunter2"), "bigquery_unavailable", "TransportError"),
        (auth.DefaultCredentialsError("hunter2"), "bigquery_refused", "DefaultCredentialsError"),
        (auth.RefreshError("hunter2"), "bigquery_refused", "RefreshError"),
    ],
)
def test_errors_have_codes(error: Exception, code: str, reason: str) -> None:
    with pytest.raises(WarehouseError) as caught, warehouse_errors("links"):
        raise error
    assert caught.value.code == code
    assert caught.value.details == {"about": "links", "reason": reason}
    assert "hunter2" not in str(caught.value)
