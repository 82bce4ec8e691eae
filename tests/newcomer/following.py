"""A newcomer: types a command, reads what evenhand says, types what it says, until it says no more.

Nothing of how a table is written is known to it but what it could see in its own file: which sign
is of decimals, whether the day comes before the month, and which mark means that a group is not
known.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from evenhand.audit.cli import run

_OFFERED = re.compile(r"--([a-z]+) ((?:'[^']*'|\"[^\"]*\"|[^\s'\"])+)")
_MOST = 12
READING = ("types", "missing", "unknown", "decimal", "encoding", "sheet", "labels", "dates")


@dataclass
class Newcomer:
    """What was typed, what was asked, and what it came to."""

    decimal: str
    dates: str | None
    groups: Sequence[str]
    capsys: pytest.CaptureFixture[str]
    declared: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def follow(self, command: Sequence[str]) -> str:
        """Runs the command with ever more of what evenhand says to declare; what it last printed.

        Raises AssertionError where it is refused and nothing that it says leads on.
        """
        for turn in range(_MOST):
            self.capsys.readouterr()
            typed = [part.replace("{turn}", str(turn)) for part in command]
            code = run([*typed, *self.declared])
            said = self.capsys.readouterr()
            new = self.new_of(said.err)
            if not new:
                assert code == 0, f"{shlex.join([*typed, *self.declared])}\n{said.err}"
                return said.out
            self.asked.append(said.err)
            self.declared += new
        raise AssertionError(f"asked {_MOST} times, at last:\n{said.err}")

    def new_of(self, said: str) -> list[str]:
        """The options that the messages name and that were not typed yet."""
        found: list[str] = []
        for line in said.splitlines():
            for option, value in self.offered(line):
                typed = [f"--{option}", value]
                if typed not in pairs(self.declared) and typed not in pairs(found):
                    found += typed
        return found

    def offered(self, line: str) -> list[tuple[str, str]]:
        offered = []
        for name, written in _OFFERED.findall(line):
            value = written if written in (",", ".") else written.rstrip(",;)")
            is_value = value in (",", ".") if name == "decimal" else value[:1] not in "-("
            is_value = is_value and value not in ("NAME", "names", "where")
            if name in READING and is_value:
                offered.append((name, shlex.split(value)[0]))
        names = [name for name, _ in offered]
        if {"missing", "unknown"} <= set(names):  # one or the other: is it a column of groups?
            column = next(v for n, v in offered if n == "unknown").strip('"').partition(":")[0]
            leave = "missing" if column in self.groups else "unknown"
            offered = [(n, v) for n, v in offered if n != leave]
        if names.count("decimal") > 1 or ("decimal" in names and "(--decimal" in line):
            offered = [(n, v) for n, v in offered if n != "decimal"] + [("decimal", self.decimal)]
        if "dates" in names:
            offered = [(n, v) for n, v in offered if n != "dates"] + [("dates", self.dates or "")]
        if names.count("encoding") > 1:  # the likelier comes first
            first = next(v for n, v in offered if n == "encoding")
            offered = [(n, v) for n, v in offered if n != "encoding"] + [("encoding", first)]
        return offered


def pairs(typed: Sequence[str]) -> list[list[str]]:
    return [list(pair) for pair in zip(typed[::2], typed[1::2], strict=True)]
