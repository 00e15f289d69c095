"""CPU seconds of the processes of a benchmark, and of everything that they have started."""

import contextlib

import psutil


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all its children, also of those that have ended."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
        total += sum(cpu_seconds(child.pid) for child in process.children())
    return total


class Usage:
    """CPU seconds by name since it was made.

    Args:
        processes: The ids of the processes of each name.
    """

    def __init__(self, processes: dict[str, list[int]]) -> None:
        self._processes = processes
        self._before = self._now()

    def seconds(self) -> dict[str, float]:
        """What each name has used until now."""
        return {name: used - self._before[name] for name, used in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {name: sum(cpu_seconds(pid) for pid in pids) for name, pids in self._processes.items()}
