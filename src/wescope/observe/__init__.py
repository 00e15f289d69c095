"""Logs, traces and metrics."""

from wescope.observe.logs import bound, configure_logs, get_logger
from wescope.observe.metrics import Metrics

__all__ = ["Metrics", "bound", "configure_logs", "get_logger"]
