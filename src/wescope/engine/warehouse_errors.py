"""Warehouse errors: what Google's libraries raise, as errors of ours; none of their texts, which may quote values."""

import contextlib
from collections.abc import Iterator
from typing import Any

from wescope.books.parking import Owner
from wescope.errors import ConfigurationError, Retry, WescopeError


class WarehouseError(WescopeError):
    """BigQuery could not be brought up to date."""

    code = "bigquery_error"
    owner = Owner.OPERATOR
    remedy = "Run `wescope export bigquery` again: it goes on where it was."


class WarehouseUnavailable(WarehouseError):
    """BigQuery does not answer, or asked to come again later."""

    code = "bigquery_unavailable"
    remedy = "Nothing: it is tried again by itself; see status.cloud.google.com if it lasts."


class WarehouseQuota(WarehouseError):
    """A quota or rate limit of BigQuery is used up."""

    code = "bigquery_quota"
    remedy = "Nothing: it is tried again by itself; export less often ([schedules] bigquery_every), or raise the quota."


class WarehouseRefused(WarehouseError):
    """Google did not let us: no credentials, no permission, or billing is off."""

    code = "bigquery_refused"
    retry = Retry.WHEN_MENDED
    remedy = (
        "Give the service account bigquery.jobUser on the project and bigquery.dataEditor on the dataset "
        "(see docs/bigquery.md), and outside of Google let GOOGLE_APPLICATION_CREDENTIALS name its key."
    )


class DatasetMissing(WarehouseError):
    """The dataset is not there."""

    code = "bigquery_dataset_missing"
    retry = Retry.WHEN_MENDED
    remedy = "Make the dataset (Terraform in deploy/, or `bq mk --dataset`), or correct WESCOPE_BIGQUERY_DATASET."


class WarehouseRejected(WarehouseError):
    """BigQuery did not take what was sent: a table of the mirror is not as it was made."""

    code = "bigquery_rejected"
    retry = Retry.WHEN_MENDED
    remedy = (
        "If the table that is named was changed by hand, drop it: it is made and filled anew. Else report this line."
    )


class GoogleLibraryMissing(ConfigurationError):
    """The library for BigQuery is not installed."""

    code = "google_library_missing"
    remedy = "Install the extra: pip install 'wescope-sync[google]'."


_QUOTA = frozenset({"quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded", "resourcesExceeded"})
_LATER = frozenset({"backendError", "internalError", "jobBackendError", "jobInternalError", "stopped", "timeout"})


@contextlib.contextmanager
def warehouse_errors(about: str) -> Iterator[None]:
    """Turn what Google's libraries raise into errors of ours, named after what was done.

    Raises:
        WarehouseUnavailable: time-out, broken connection, 5xx.
        WarehouseQuota: a limit is reached.
        WarehouseRefused: credentials or permissions.
        DatasetMissing: what should be there is not.
        WarehouseRejected: a request or job that cannot succeed as it is.
    """
    from google.api_core import exceptions as api  # noqa: PLC0415 - only where BigQuery is used
    from google.auth import exceptions as auth  # noqa: PLC0415
    from requests import exceptions as web  # noqa: PLC0415

    try:
        yield
    except api.GoogleAPIError as error:
        raise _kind_of(error)(about=about, reason=_reason(error)) from error
    except (auth.TransportError, web.RequestException, OSError, TimeoutError) as error:
        raise WarehouseUnavailable(about=about, reason=type(error).__name__) from error
    except auth.GoogleAuthError as error:
        raise WarehouseRefused(about=about, reason=type(error).__name__) from error


def _kind_of(error: Any) -> type[WarehouseError]:
    from google.api_core import exceptions as api  # noqa: PLC0415 - only where BigQuery is used

    reason = _reason(error)
    if reason in _QUOTA or isinstance(error, api.TooManyRequests):
        return WarehouseQuota
    if reason in _LATER or isinstance(error, (api.ServerError, api.RetryError, api.Cancelled)):
        return WarehouseUnavailable
    if isinstance(error, (api.Forbidden, api.Unauthorized)):
        return WarehouseRefused
    return DatasetMissing if isinstance(error, api.NotFound) else WarehouseRejected


def _reason(error: Any) -> str:
    """Google's own word for what is wrong, or the name of the exception; of one that lasted, that of the last one."""
    error = getattr(error, "cause", None) or error
    told = getattr(error, "errors", None) or [{}]
    reason = told[0].get("reason") if isinstance(told[0], dict) else None
    return reason if isinstance(reason, str) and reason.isalnum() else type(error).__name__
