"""What commands share: where results and messages go, and how the gate is set."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.api.settings import Gating, OpeningSettings
from evenhand.audit.commands.parts.derived import of
from evenhand.audit.errors import InputError
from evenhand.audit.reason import Reason, sentences
from evenhand.audit.words.numbers import estimate
from evenhand.audit.words.phrases import current_language, in_language, phrase
from evenhand.audit.words.reasons import render
from evenhand.audit.words.text import as_json, document, lines, name, visible

if TYPE_CHECKING:
    from rich.console import Console

    from evenhand.audit.case.case import Case
    from evenhand.audit.register.standing import Standing
    from evenhand.audit.subject.spec import SubjectSpec
    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.policies.gate import Gate
    from evenhand.policies.pack import Pack
    from evenhand.policies.verdict import Verdict

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print the headline numbers and items in full.")
]
Policy = Annotated[
    list[str] | None,
    typer.Option("--policy", "-p", help="Pack id or path of a pack; may be repeated."),
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Judge as on this day (default: today)."),
]


def rules(given: Mapping[str, Any]) -> Rules:
    """What the user allows when a model is opened, of the options that were passed."""
    from evenhand.audit.worker.isolation.levels import make_rules

    return make_rules(**of(OpeningSettings, given))


def gated(
    verdicts: Sequence[Verdict], given: Mapping[str, Any], packs: Sequence[Pack], day: date
) -> Gate:
    """The exit code of the verdicts, by the options that were passed."""
    from evenhand.audit.run import flow

    options = of(Gating, given)
    options.pop("as_of", None)
    before = flow.verdicts_before(earlier(options.pop("baseline", None)), packs, day)
    return flow.gate(verdicts, before=before, **options)


def day_of(given: Mapping[str, Any]) -> date:
    """The day to judge on: the one that was passed, else today in UTC."""
    return given.get("as_of") or datetime.now(UTC).date()


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


def say_reading(columns: Mapping[str, str], notes: Sequence[str], *, quiet: bool) -> None:
    """What columns were read as, and what was noticed on the way."""
    if columns:
        say(types_shown(columns), quiet=quiet)
    for note in notes:
        say(phrase("note: {note}", note=note), quiet=quiet)


def print_json(value: Any) -> None:
    """A result on stdout. Non-ASCII text stays readable; what is not printable is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(as_json(text) + "\n")


def console(*, stderr: bool = False) -> Console:
    """A console for people: no markup is read from data, colours only on a terminal."""
    from rich.console import Console

    wide = None if (sys.stderr if stderr else sys.stdout).isatty() else 120
    return Console(stderr=stderr, markup=False, highlight=False, width=wide, emoji=False)


safe = visible  # text from data for a terminal


def say(message: str, *, quiet: bool = False) -> None:
    """A message on stderr."""
    if not quiet:
        print(lines(in_language(message)), file=sys.stderr)


def measured(
    spec: SubjectSpec,
    *,
    quiet: bool,
    rules: Rules | None = None,
    resume: bool = False,
    cache: bool = True,
) -> tuple[Case, list[Pack]]:
    """Audits by a spec under a progress bar, and says how the data were read."""
    from evenhand.audit.run.flow import measure

    notes: list[Any] = []  # reasons
    with progress_bar("audit", quiet=quiet) as progress:
        case, packs = measure(
            spec,
            progress=progress,
            rules=rules,
            resume=resume,
            cache=cache,
            say=say,
            note=notes.append,
        )
    say(types_shown(case.subject.data.columns), quiet=quiet)
    for note in (*notes, *_leaks(case)):
        say(phrase("warning: {note}", note=render(note, current_language())), quiet=quiet)
    return case, packs


def _leaks(case: Case) -> list[Any]:
    """What of the rows or the columns gives the answers away, as data.leakage found."""
    told: list[Any] = []  # reasons hold mappings: they can be compared, and not hashed
    for f in case.findings:
        if f.check == "data.leakage" and f.value and f.reason and f.reason not in told:
            told.append(f.reason)
    return told


def _noted(case: Case) -> list[Reason]:
    """What data.quality says of the rows beside what was noticed on reading."""
    known = sentences(list(case.subject.data.notes))
    rows = (f.reason for f in case.findings if f.measure == "row_count")
    return [reason for reasons in rows for reason in reasons if reason not in known]


def opened(path: Path) -> tuple[Case, Standing]:
    """A sealed case that was held against the register; one that it does not know is said."""
    from evenhand.audit.run.flow import opened as held_against_register

    case, found = held_against_register(path)
    if found.state == "unknown":
        say(phrase("note: case {path} is {said}", path=path, said=found.said))
    return case, found


def earlier(place: Path | None) -> Case | None:
    """The case that --baseline or --compare-to names, held against the register too."""
    return None if place is None else opened(place)[0]


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
                phrase(
                    "warning: pack {id} {version} ({digest}) is not the one that is shipped under "
                    "this name and version ({shipped})",
                    id=pack["id"],
                    version=pack["version"],
                    digest=pack["digest"],
                    shipped=pack["shipped"],
                )
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
                say(
                    phrase(
                        "{title}: {what} ({done}/{total})",
                        title=title,
                        what=what,
                        done=done + 1,
                        total=total,
                    )
                )

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
            say(
                phrase(
                    "warning: pack {pack}: {one_message}: {remedy_}",
                    pack=pack.id,
                    one_message=one.message,
                    remedy_=one.remedy,
                ),
                quiet=quiet,
            )


def write_bytes(data: bytes, out: Path | None, *, avoid: Path | None = None) -> None:
    """Writes a document to ``out``, never into the case folder ``avoid``; on stdout a text has
    nothing in it that a terminal or a build runner would obey."""
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(document(data))
        return
    if avoid is not None and out.resolve().is_relative_to(avoid.resolve()):
        raise InputError(
            "{out} lies inside the case folder, which is sealed",
            remedy="write it elsewhere",
            out=out,
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
    except OSError as error:
        raise InputError(
            "cannot write {out}: {strerror}",
            remedy="choose another -o",
            out=out,
            strerror=error.strerror,
        ) from error


def interval_text(
    value: float | None, interval: Mapping[str, float] | None, measure: str = ""
) -> str:
    """``0.17 (0.08 to 0.28)``, or a dash where there is no value."""
    ends = None if interval is None else (interval["low"], interval["high"])
    return estimate(value, ends, measure)
