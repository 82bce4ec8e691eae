"""How far a model is isolated, how far its format has to be, and what a user may relax.

L3  Landlock, seccomp, limits: reads its own copy and the installed libraries, writes a scratch
    folder, and reaches no network, no other program and no other process. Where the system has
    namespaces for it, in a root folder of its own, which holds nothing else.
L2  seccomp and limits: no network, no other program; it can still read and write files.
L1  a process of its own, with limits: a crash or a hang is contained, code is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from evenhand.audit.errors import InputError, UnsafeModelError

GIB = 1 << 30
OWN_ROOT = "a root folder of its own"


class IsolationLevel(IntEnum):
    """A level of isolation; a higher one contains more."""

    L1 = 1
    L2 = 2
    L3 = 3


# What opening a format amounts to -> the least level at which that is done.
LEAST: Mapping[str, IsolationLevel] = {
    "data": IsolationLevel.L1,  # read by code that is meant for hostile input
    "native": IsolationLevel.L2,  # data, read by parsers in C++
    "code": IsolationLevel.L3,  # a program, of operations that reach files
    "pickle": IsolationLevel.L3,  # any Python at all
}
TRUST_SAYS: Mapping[str, str] = {
    "data": "data alone",
    "native": "data that a parser in C++ reads",
    "code": "a program",
    "pickle": "a pickle, which runs whatever code it names",
}


@dataclass(frozen=True)
class Isolation:
    """The level at which a worker locked itself, what holds it, and why it is no higher."""

    level: IsolationLevel
    means: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def own_root(self) -> bool:
        """Whether names of files outside are not there at all (``isolation.own_root``)."""
        return OWN_ROOT in self.means

    def __str__(self) -> str:
        text = f"{self.level.name} ({', '.join(self.means) or 'a process of its own'})"
        return f"{text}; {'; '.join(self.lacking)}" if self.lacking else text

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "level": self.level.name,
            "means": list(self.means),
            "lacking": list(self.lacking),
        }


@dataclass(frozen=True)
class Rules:
    """What the user allows. ``time_limit`` (seconds) is for opening and for each answer; None means
    20 seconds for opening and 120 for an answer. ``memory_limit`` (bytes) is what the worker may
    hold, the libraries that open the model included. ``at_most`` keeps the worker below what the
    machine could do; it is there for tests and for models that a level breaks.

    None of it can be set by a file that comes with the model.
    """

    allow_pickle: bool = False
    allow_weak_isolation: bool = False
    time_limit: float | None = None
    memory_limit: int = 2 * GIB
    at_most: IsolationLevel = IsolationLevel.L3

    @property
    def opening_seconds(self) -> float:
        """The longest that opening may take."""
        return self.time_limit or 20.0

    @property
    def answer_seconds(self) -> float:
        """The longest that one answer may take: a batch of 4096 rows, or an explanation."""
        return self.time_limit or 120.0


def make_rules(
    *,
    allow_pickle: bool = False,
    allow_weak_isolation: bool = False,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    isolation: str = "auto",
) -> Rules:
    """Rules from what a command was given; ``memory_limit`` in GiB. Raises InputError."""
    if time_limit is not None and not 0 < time_limit < 1e6:
        raise InputError(
            "time limit {time_limit:g} is no number of seconds",
            remedy="e.g. 60",
            time_limit=time_limit,
        )
    if memory_limit is not None and not 0.05 <= memory_limit <= 1e5:
        raise InputError(
            "memory limit {memory_limit:g} is out of range",
            remedy="give GiB, e.g. 4",
            memory_limit=memory_limit,
        )
    if isolation != "auto" and isolation not in IsolationLevel.__members__:
        raise InputError(
            "no isolation {isolation!r}",
            remedy="known: auto, {members__}",
            isolation=isolation,
            members__=", ".join(IsolationLevel.__members__),
        )
    return Rules(
        allow_pickle=allow_pickle,
        allow_weak_isolation=allow_weak_isolation,
        time_limit=time_limit,
        memory_limit=2 * GIB if memory_limit is None else int(memory_limit * GIB),
        at_most=IsolationLevel.L3 if isolation == "auto" else IsolationLevel[isolation],
    )


SKOPS = "skops.io.dump(model, 'model.skops')"


def require(
    what: str, trust: str, isolation: Isolation, rules: Rules, *, instead: str = ""
) -> None:
    """Raises UnsafeModelError (exit 5) unless a model of ``trust`` may be opened at this level.

    ``what`` names model and format: "model m.onnx (ONNX)"; ``instead`` says how what a pickle holds
    is saved as data.
    """
    least = LEAST.get(trust)
    if least is None:
        raise UnsafeModelError(
            "{what} is refused: its format says trust {trust!r}, which is none of {least}",
            remedy="repair the format's module",
            what=what,
            trust=trust,
            least=", ".join(LEAST),
        )
    if trust == "pickle" and not rules.allow_pickle:
        raise UnsafeModelError(
            "{what} is refused: it is {trust_says}",
            remedy="where you trust its maker, load it yourself and save it as data: "
            "{instead} (others: `evenhand formats`); or audit its stored "
            "predictions: evenhand audit --predictions scores.csv ...; or pass --allow-pickle: it "
            "then runs in the sandbox, and the case lists what it imports",
            what=what,
            trust_says=TRUST_SAYS[trust],
            instead=instead or SKOPS,
        )
    if isolation.level >= least:
        return
    if trust == "native" and rules.allow_weak_isolation:
        return
    why = "; ".join(isolation.lacking) or "a lower level was asked for"
    weak = "pass --allow-weak-isolation, " if trust == "native" else ""
    raise UnsafeModelError(
        "{what} is {trust_says} and needs isolation {least}; here it is {level}: {why}",
        remedy="{weak}audit on a machine where `evenhand doctor` says {least}, or audit its "
        "stored predictions: evenhand audit --predictions FILE",
        what=what,
        trust_says=TRUST_SAYS[trust],
        least=least.name,
        level=isolation.level.name,
        why=why,
        weak=weak,
    )
