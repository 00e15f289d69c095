"""Stand-ins: programs that need a cloud, root or minutes; each checks how it is called and writes that down.

`python stand_ins.py PROGRAM ARGUMENTS...` is what the pages' PATH has in their place. A sub-command or an option that
is not in the table ends it with 2, as the real program would; a call is one line of JSON in the file DOCS_CALLS.
Sources: `gcloud help`, `terraform -help`, `docker --help`, `bq help`, PostgreSQL's manual.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

WRONG_USE = 2


class Usage(NamedTuple):
    """How a sub-command is called: options (those with `=` take a value) and how many other arguments there are."""

    options: str = ""
    fewest: int = 0
    most: int = 0
    says: str = ""
    """What it prints."""
    reads: bool = False
    """Whether it reads its input to the end."""


_ANYWHERE = {"gcloud": "--impersonate-service-account= --project= --quiet --format=", "terraform": "-chdir="}
_URL = "us-central1-docker.pkg.dev/books-prod/wescope/wescope"

PROGRAMS: Mapping[str, Mapping[str, Usage]] = {
    "gcloud": {
        "auth application-default login": Usage("--no-launch-browser"),
        "auth configure-docker": Usage("", 0, 1),
        "config set": Usage("", 2, 2),
        "alpha monitoring policies create": Usage("--policy-from-file= --notification-channels="),
        "run jobs execute": Usage("--region= --wait --args=", 1, 1),
        "run jobs update": Usage("--region= --image=", 1, 1),
        "run services logs read": Usage("--region= --limit=", 1, 1),
        "run services update": Usage("--region= --image= --container=", 1, 1),
        "secrets versions add": Usage("--data-file=", 1, 1, reads=True),
        "secrets versions access": Usage("--secret=", 1, 1, says="secret"),
        "sql users create": Usage("--instance= --password=", 1, 1),
        "sql users set-password": Usage("--instance= --password=", 1, 1),
        "storage buckets create": Usage("--location= --uniform-bucket-level-access", 1, 1),
        "storage buckets update": Usage("--versioning", 1, 1),
    },
    "terraform": {
        "init": Usage("-backend-config= -upgrade"),
        "plan": Usage("-target= -out="),
        "apply": Usage("-target= -auto-approve"),
        "output": Usage("-raw -json", 0, 1, says=_URL),
        "validate": Usage(),
        "fmt": Usage("-check -recursive", 0, 1),
    },
    "docker": {
        "build": Usage("-f= -t= --build-arg=", 1, 1),
        "buildx imagetools inspect": Usage("", 1, 1),
        "push": Usage("", 1, 1),
        "run": Usage("--rm -e= -p= --env-file=", 1, 99),
    },
    "bq": {"mk": Usage("--dataset --location=", 1, 1), "query": Usage("--use_legacy_sql=", 0, 1, reads=True)},
    "pip": {"install": Usage("--upgrade", 1, 9)},
    "pg_dump": {"": Usage("--format= --file=", 1, 1)},
    "pg_restore": {"": Usage("--no-owner --no-comments --dbname=", 1, 1)},
    "psql": {"": Usage("--command= --file=", 0, 1)},
    "git": {"clone": Usage("--depth=", 1, 2), "pull": Usage("--ff-only"), "checkout": Usage("", 1, 1)},
    "systemctl": {one: Usage("", 1, 1) for one in ("start", "stop", "restart", "status", "enable")},
}


def main(program: str, arguments: Sequence[str]) -> int:
    """Look at a call; 0 if the real program would take it."""
    record(program, arguments)
    if program == "make":
        return _make(arguments)
    fault, usage = _fault(program, arguments)
    if fault:
        sys.stderr.write(f"{program}: {fault}\n")
        return WRONG_USE
    if usage.reads:
        sys.stdin.read()
    if usage.says:
        sys.stdout.write(usage.says + "\n")
    return 0


def record(program: str, arguments: Sequence[str]) -> None:
    """Write down that it was called."""
    with Path(os.environ["DOCS_CALLS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"block": os.environ.get("DOCS_BLOCK", ""), "call": [program, *arguments]}) + "\n")


def _fault(program: str, arguments: Sequence[str]) -> tuple[str, Usage]:
    """What is wrong with a call, and how it would be right."""
    commands = PROGRAMS[program]
    words: list[str] = []
    given: list[str] = []
    for word in arguments:
        (given if word.startswith("-") and word != "-" else words).append(word)
    command = next((one for one in sorted(commands, key=len, reverse=True) if _begins(words, one.split())), None)
    if command is None:
        return f"no command {' '.join(words)}", Usage()
    usage = commands[command]
    known = {*usage.options.split(), *_ANYWHERE.get(program, "").split()}
    separate = {one[:-1] for one in known if re.fullmatch(r"-\w=", one)}
    for option in given:
        name, has_value, _ = option.partition("=")
        if name in separate:
            continue  # its value is the next word, which counts below
        if (f"{name}=" if has_value else name) not in known:
            return f"{command}: no option {option}", usage
    count = len(words) - len(command.split()) - sum(option in separate for option in given)
    if not usage.fewest <= count <= usage.most:
        return f"{command}: {count} arguments", usage
    return "", usage


def _begins(words: Sequence[str], command: Sequence[str]) -> bool:
    return list(words[: len(command)]) == list(command)


def _make(arguments: Sequence[str]) -> int:
    """What make would do: so the target is there. What it does is tried by other tests."""
    root = Path(__file__).parents[2]
    return subprocess.run(
        ["make", "-n", *arguments],  # noqa: S607 - the one on the PATH
        cwd=root,
        env={**os.environ, "PATH": os.defpath},
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
