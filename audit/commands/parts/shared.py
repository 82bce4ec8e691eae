"""What commands share: where results and messages go, and how the gate is set."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.errors import InputError
from evenhand.audit.words.numbers import estimate
from evenhand.audit.words.text import lines, name, visible

if TYPE_CHECKING:
    from rich.console import Console

    from evenhand.audit.case.case import Case
    from evenhand.audit.case.standing import Standing
    from evenhand.audit.subject.spec import SubjectSpec
    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.policies.pack import Pack

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
Policy = Annotated[
    list[str] | None,
    typer.Option("--policy", "-p", help="Pack id or path of a pack; may be repeated."),
]
Baseline = Annotated[
    Path | None,
    typer.Option("--baseline", help="An earlier case: only what got worse since blocks."),
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Judge as on this day (default: today)."),
]
FailOn = Annotated[
    str, typer.Option("--fail-on", help="Least severity that blocks: blocker, high, medium, low.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings fail too.")]
Inconclusive = Annotated[
    str, typer.Option("--inconclusive", help="report (exit 3), fail (exit 1) or warn (exit 0).")
]
Attestations = Annotated[
    str, typer.Option("--attestations", help="require (exit 4) or warn (exit 0).")
]

AllowPickle = Annotated[
    bool,
    typer.Option("--allow-pickle", help="Open pickles: they run code, in the sandbox (L3) alone."),
]
AllowWeak = Annotated[
    bool,
    typer.Option("--allow-weak-isolation", help="Open files that C++ parsers read at level L1."),
]
IsolationLevel = Annotated[
    str, typer.Option("--isolation", help="auto (the highest there is), or at most L1, L2, L3.")
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit", help="Seconds for opening the model, and for each of its answers."
    ),
]
MemoryLimit = Annotated[
    float | None,
    typer.Option("--memory-limit", help="GiB that the model and its libraries may take (2)."),
]


def rules(
    allow_pickle: bool,
    allow_weak_isolation: bool,
    isolation: str,
    time_limit: float | None,
    memory_limit: float | None,
) -> Rules:
    """What the user allows when a model is opened."""
    from evenhand.audit.worker.isolation.levels import make_rules

    return make_rules(
        allow_pickle=allow_pickle,
        allow_weak_isolation=allow_weak_isolation,
        isolation=isolation,
        time_limit=time_limit,
        memory_limit=memory_limit,
    )


def split(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Options that may be repeated or comma-separated, as one tuple; None where not given."""
    if values is None:
        return None
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def types_shown(columns: Mapping[str, str]) -> str:
    """What columns were read as, a few of each type named."""
    by_type: dict[str, list[str]] = {}
    for column, kind in columns.items():
        by_type.setdefault(kind, []).append(column)
    told = [
        f"{kind}: {', '.join(name(c, 40) for c in names[:12])}"
        + (f" and {len(names) - 12} more" if names[12:] else "")
        for kind, names in by_type.items()
    ]
    return "columns were read as " + "; ".join(told) if told else "columns were not typed"


def print_json(value: Any) -> None:
    """A result on stdout. Non-ASCII text stays readable; what is not printable is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    if not text.isprintable():  # JSON leaves C1 controls and marks of direction as they are
        text = "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)
    text = text.replace("##[", "#\\u0023[")  # within a string; a build runner would obey it
    sys.stdout.write(text + "\n")


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]


def console(*, stderr: bool = False) -> Console:
    """A console for people: no markup is read from data, colours only on a terminal."""
    from rich.console import Console

    wide = None if (sys.stderr if stderr else sys.stdout).isatty() else 120
    return Console(stderr=stderr, markup=False, highlight=False, width=wide, emoji=False)


safe = visible  # text from data for a terminal


def say(message: str, *, quiet: bool = False) -> None:
    """A message on stderr."""
    if not quiet:
        print(lines(message), file=sys.stderr)


def measured(
    spec: SubjectSpec,
    *,
    quiet: bool,
    rules: Rules | None = None,
    resume: bool = False,
    use_cache: bool = True,
) -> tuple[Case, list[Pack]]:
    """Audits by a spec under a progress bar, and says how the data were read."""
    from evenhand.audit.run.flow import measure

    with progress_bar("audit", quiet=quiet) as progress:
        case, packs = measure(
            spec, progress=progress, rules=rules, resume=resume, use_cache=use_cache, say=say
        )
    say(types_shown(case.subject.data.columns), quiet=quiet)
    for finding in case.findings:
        if finding.measure == "row_count" and finding.reason:
            say(f"warning: {finding.reason_text()}", quiet=quiet)
    return case, packs


def opened(path: Path) -> tuple[Case, Standing]:
    """A sealed case that was held against the register; one that it does not know is said."""
    from evenhand.audit.run.flow import opened as held_against_register

    case, found = held_against_register(path)
    if found.state == "unknown":
        say(f"note: case {path} is {found.said}")
    return case, found


def earlier(baseline: Path | None) -> Case | None:
    """The case that --baseline names, held against the register too."""
    return None if baseline is None else opened(baseline)[0]


def packs_json(packs: Sequence[Pack]) -> list[dict[str, Any]]:
    """The packs that judge, by digest; ``shipped`` is that of the shipped pack which one bears
    the name and version of without being it."""
    from evenhand.policies.pack import shipped_otherwise

    return [
        {"id": p.id, "version": p.version, "digest": p.digest, "shipped": shipped_otherwise(p)}
        for p in packs
    ]


def warn_of_altered(packs: Sequence[Pack]) -> None:
    """Says which packs bear the name and version of a shipped one and are another."""
    for pack in packs_json(packs):
        if pack["shipped"] is not None:
            say(
                f"warning: pack {pack['id']} {pack['version']} ({pack['digest']}) is not the one "
                f"that is shipped under this name and version ({pack['shipped']})"
            )


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress callback (what, done, in all): a bar on a terminal, plain lines elsewhere."""
    if quiet:
        yield lambda what, done, total: None
        return
    if not sys.stderr.isatty():

        def line(what: str, done: int, total: int) -> None:
            if what:
                say(f"{title}: {what} ({done + 1}/{total})")

        yield line
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title)

        def move(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{title} {safe(what)}", completed=done, total=total)

        yield move


def warn_of_outdated(packs: Sequence[Pack], as_of: date, *, quiet: bool = False) -> None:
    """Says on stderr which packs have a successor, or an origin that nobody checked for long."""
    from evenhand.policies.lint import outdated

    warn_of_altered(packs)
    for pack in packs:
        for one in outdated(pack, as_of):
            say(f"warning: pack {pack.id}: {one.message}: {one.remedy}", quiet=quiet)


def write_bytes(data: bytes, out: Path | None, *, avoid: Path | None = None) -> None:
    """Writes a document to ``out`` or stdout, never into the case folder ``avoid``."""
    if out is None:
        sys.stdout.buffer.write(data)
        return
    if avoid is not None and out.resolve().is_relative_to(avoid.resolve()):
        raise InputError(
            f"{out} lies inside the case folder, which is sealed", remedy="write it elsewhere"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"cannot write {out}: {error.strerror}", remedy="choose another -o"
        ) from error


def interval_text(value: float | None, interval: Mapping[str, float] | None) -> str:
    """``0.17 (0.08 to 0.28)``, or a dash where there is no value."""
    return estimate(value, None if interval is None else (interval["low"], interval["high"]))
