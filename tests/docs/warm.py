"""Warm: `wescope` without its start: a process that has imported all of it forks for each command that it is sent.

`python -m tests.docs.warm SOCKET` listens. The program `wescope` on the pages' PATH (`CLIENT`) sends its arguments, its
folder, its environment and its three files, and ends with the exit code that it is told. To import the program costs a
second and more of processor time for each of some hundred commands; a fork costs milliseconds, and runs the same code.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import re
import runpy
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import wescope
from tests.docs import command_line, stand_ins

CLIENT = """\
#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.sendall(b"stop"))
    call = dict(arguments=sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ))
    body = json.dumps(call).encode()
    socket.send_fds(server, [len(body).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(body)
    told = server.recv(4)
sys.exit(int(told) if told else 70)
"""

STAYS = "DOCS_STAYS"
"""A file, named in the environment, for the ids of what is started and stays: it is ended when its page is over."""

KEEP = "DOCS_KEEP"
"""Is in the environment of a block whose services go on, although the shell does, too."""

CHECKED = "DOCS_CHECKED"
"""Is in the environment of a block of which only the command line is checked."""

_STAYING = ("serve", "sandbox")
_FD_COUNT = 3
_LOOKS_EVERY_S = 0.1
_READY = {1: re.compile(rb'^{"service": "', re.MULTILINE), 2: re.compile(rb" is ready: ")}
"""The service says so in a sentence, or with --json in one line, as the stand-ins do."""


def main(address: str) -> NoReturn:
    """Import all of the program, listen, and fork."""
    modules = [one.name for one in pkgutil.walk_packages(wescope.__path__, "wescope.")]
    for name in modules:
        if not name.startswith("wescope.links.migrations") and not name.endswith("__main__"):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer a call
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(16)
        print("ready", flush=True)  # noqa: T201 - who started it waits for this line
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> NoReturn:
    code = 70
    try:
        size, fds, _, _ = socket.recv_fds(connection, 4, _FD_COUNT)
        body = b""
        while len(body) < int.from_bytes(size, "big"):
            body += connection.recv(1 << 20)
        call = json.loads(body)
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        os.chdir(call["folder"])
        os.environ.clear()
        os.environ.update(call["environment"])
        arguments = call["arguments"]
        stays = bool(arguments) and arguments[0] in _STAYING and not {"--help", "-h"} & set(arguments)
        if CHECKED in os.environ:
            code = _checked(arguments)
        else:
            code = _staying(arguments, connection) if stays else _command(arguments)
    except Exception:  # noqa: BLE001 - whoever called sees it
        traceback.print_exc()
    with contextlib.suppress(OSError):
        connection.sendall(str(code).encode())
    os._exit(0)


def _checked(arguments: Sequence[str]) -> int:
    """Whether the command line takes these arguments. It makes its folder, as it would."""
    stand_ins.record("wescope", arguments)
    if fault := command_line.fault_of(arguments):
        sys.stderr.write(f"wescope: {fault}\n")
        return stand_ins.WRONG_USE
    if "WESCOPE_HOME" in os.environ:
        Path(os.environ["WESCOPE_HOME"]).mkdir(parents=True, exist_ok=True)
    return 0


def _command(arguments: Sequence[str]) -> int:
    """Be `wescope` with these arguments; its exit code."""
    from wescope.cli import main as program  # noqa: PLC0415 - imported long ago, in the process that forked

    free_port = ["--port", "0"] if arguments[:1] == ["connect"] and "--port" not in arguments else []
    sys.argv = ["wescope", *arguments, *free_port]  # another test may hold the port that it takes by itself
    sys.modules["__main__"].__package__ = None  # else its help speaks of this module
    os.execv = _instead_of_execv  # type: ignore[assignment]  # this process is forked for this one command
    code = _exit_code(program.run)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _exit_code(work: Callable[[], Any]) -> int:
    try:
        work()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _instead_of_execv(_program: str, arguments: Sequence[str]) -> NoReturn:
    """`wescope sandbox` becomes another program, whose modules are here already."""
    _python, _m, module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


def _staying(arguments: Sequence[str], connection: socket.socket) -> int:
    """Start what stays until it is stopped.

    In the background (`&`; a shell then gives it no input) it stays until it is ended, as anywhere. Else who waits
    is the shell: it is stopped as soon as it has said that it is ready, or goes on without the shell (`KEEP`).
    """
    background = Path("/dev/stdin").resolve() == Path("/dev/null")
    outputs = [] if background else [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        for number, (_, write) in enumerate(outputs, start=1):
            os.dup2(write, number)
        os._exit(_command(arguments))
    with Path(os.environ[STAYS]).open("a") as file:
        file.write(f"{child}\n")
    return _until_ended(child, connection) if background else _until_ready(child, outputs)


def _until_ended(child: int, connection: socket.socket) -> int:
    """Wait for the end of a service in the background; whoever ends its client ends it."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if select.select([connection], [], [], _LOOKS_EVERY_S)[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
            if not connection.recv(64):
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _until_ready(child: int, outputs: Sequence[tuple[int, int]]) -> int:
    """Stop a service once it has said that it is ready, or leave it. What it prints goes on to where it was to go."""
    readers = {read: number for number, (read, _) in enumerate(outputs, start=1)}
    for _, write in outputs:
        os.close(write)
    ready = _forward(readers, until=_READY)
    if ready and KEEP in os.environ:
        if os.fork() == 0:  # reads on for as long as the child is there
            _forward(readers)
            os._exit(0)
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGTERM)
    _forward(readers)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if ready else code or 1


def _forward(readers: dict[int, int], until: Mapping[int, re.Pattern[bytes]] | None = None) -> bool:
    """Copy what is read to the outputs until all are closed, or until this was read; whether it was."""
    while readers:
        for read in select.select(list(readers), [], [])[0]:
            text = os.read(read, 65536)
            if not text:
                del readers[read]
                continue
            with contextlib.suppress(OSError):
                os.write(readers[read], text)
            if until and until[readers[read]].search(text):
                return True
    return False


if __name__ == "__main__":
    main(sys.argv[1])
