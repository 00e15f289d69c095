"""Logs and metrics."""

from wescope.observe.logs import bind, configure_logs, get_logger
from wescope.observe.metrics import Metrics

__all__ = ["Metrics", "bind", "configure_logs", "get_logger"]
