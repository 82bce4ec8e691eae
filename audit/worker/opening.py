"""The one way in for models: decide the format by content, open it, or refuse with a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.audit.models.catalogue import format_named, look_at
from evenhand.audit.models.declared import NOTHING, Declared, Endpoint
from evenhand.audit.models.endpoint import IDENTITY, NAME, EndpointPredictor
from evenhand.audit.worker.opened import Opened

if TYPE_CHECKING:
    pass

from collections.abc import Callable
from pathlib import Path

from evenhand.audit.errors import UnsafeModelError, nearest
from evenhand.audit.files.canonical import digest_path
from evenhand.audit.models.declared import load_with
from evenhand.audit.models.predictor import Predictor
from evenhand.audit.words.phrases import as_is
from evenhand.audit.worker.intake import CopiedModel, copy_in
from evenhand.audit.worker.isolation.levels import LEAST, Rules, require
from evenhand.audit.worker.launcher import launcher, names_at
from evenhand.audit.worker.predictor import as_predictor
from evenhand.audit.worker.session import WorkerSession, escaped

_SNIFF_SECONDS = 10.0  # looking at a few bytes and names
_MAX_IMPORTS = 1000
# Bytes of an answer: what a look finds, and what a model tells of itself (names of classes, columns
# and categories; a ledger line by line).
_MOST_SEEN, _MOST_TOLD = 4 << 20, 32 << 20


def open_model(
    path: str | Path, declared: Declared = NOTHING, *, rules: Rules | None = None
) -> Opened:
    """Opens the model at ``path`` in a worker: a locked process that never gets labels or groups.

    It is copied in, its format decided by content in a first worker, the level of isolation
    compared with what the format needs, and opened in a second one. A load that fails is final.

    Raises InputError if nothing is there or the file is broken, UnsafeModelError (exit 5) for a
    format that is refused, not known, or needs more isolation than there is, LimitError (exit 6)
    past the time or the memory that ``rules`` allow.
    """
    return begin_opening(path, declared, rules=rules)()


def begin_opening(
    path: str | Path,
    declared: Declared = NOTHING,
    *,
    rules: Rules | None = None,
    before: str | Path | None = None,
) -> Callable[[], Opened]:
    """Copies the model at ``path`` in, at once; what comes back opens it.

    ``before`` is the file of a scaler or encoder that rows go through first. For whoever has other
    work while the libraries that open it are imported elsewhere. Raises, and
    what comes back raises, as ``open_model`` does.
    """
    copied = copy_in(path, before=before)
    return lambda: _open_copy(copied, declared, rules or Rules())


def open_here(path: str | Path, declared: Declared = NOTHING, *, trusting: bool = False) -> Opened:
    """Opens the model at ``path`` in this process, for people who made it themselves.

    Formats of data alone are opened; ``trusting`` opens the others too, with whatever they run.
    Raises as ``open_model`` does.
    """
    place = Path(path)
    if not place.exists():
        siblings = (p.name for p in place.parent.glob("*")) if place.parent.is_dir() else ()
        raise InputError("no model at {place}", remedy=nearest(place.name, siblings), place=place)
    seen = look_at(place)
    if seen["format"] is None:
        raise _refusal(place, seen)
    if seen["trust"] != "data" and not trusting:
        raise UnsafeModelError(
            "model {place} ({format}) is not data alone: it isn't opened in this process",
            remedy="use open_model, which opens it in a worker",
            place=place,
            format=seen["format"],
        )
    predictor = load_with(format_named(seen["format"]), place, declared)
    opening = {"format": seen["format"], "trust": seen["trust"], "level": "none"}
    return Opened(predictor, place, digest_path(place), opening)


def parts_of(opened: Opened) -> Predictor:
    """The model opened in this process too, for whoever trains it again from its own parts.

    A worker has opened this very copy of it before, within its limits of time and memory. Raises
    UnsafeModelError unless its format is data alone.
    """
    if opened.copy is None:
        raise InputError(
            "{opened_path} was not opened in a worker",
            remedy="use open_model",
            opened_path=opened.path,
        )
    return open_here(opened.copy.model).predictor


# --- in the worker


# --- in the parent


def _open_copy(copied: CopiedModel, declared: Declared, rules: Rules) -> Opened:
    name = f"model {copied.source}"
    look = WorkerSession(name, copied.model, copied.scratch(), rules)
    try:
        found = look.ask("look at it", {"do": "sniff"}, seconds=_SNIFF_SECONDS, most=_MOST_SEEN)
        seen = dict(found.facts)
    finally:
        look.close()
    if not isinstance(seen.get("format"), str):
        raise _refusal(copied.source, seen)
    chosen = format_named(seen["format"])
    # The format's own word holds; the worker's only where the format says that it depends.
    trust = str(seen.get("trust")) if hasattr(chosen, "trust") else str(chosen.TRUST)
    instead = escaped(seen.get("instead", ""))
    require(f"{name} ({chosen.NAME})", trust, look.isolation, rules, instead=instead)
    launcher().warm(model_format=chosen.NAME, beside=names_at(copied.model))
    load = {"do": "load", "format": chosen.NAME, "declared": declared.model_dump(mode="json")}

    def start(elsewhere: bool = False) -> tuple[WorkerSession, Any]:
        session = WorkerSession(name, copied.model, copied.scratch(), rules, elsewhere=elsewhere)
        try:
            require(f"{name} ({chosen.NAME})", trust, session.isolation, rules)
            session.runs_our_code = trust == "data"
            told = session.ask("open it", load, seconds=rules.opening_seconds, most=_MOST_TOLD)
            return session, told
        except BaseException:
            session.close()
            raise

    session, told = start()
    try:
        made = as_predictor(name, session, told, rules, lambda elsewhere: start(elsewhere)[0])
    except BaseException:
        session.close()
        raise
    completed: Callable[..., Mapping[str, Any]] | None = getattr(chosen, "known_here", None)
    if completed is not None:
        made.maker_says = completed(copied.model, made.maker_says)
    opening = {
        "format": chosen.NAME,
        "trust": trust,
        **session.isolation.to_json(),
        "memory_limit_bytes": rules.memory_limit,
        "opening_limit_seconds": rules.opening_seconds,
        "answer_limit_seconds": rules.answer_seconds,
    }
    if trust == "pickle":
        opening["pickle_imports"] = _imports(seen)
    if session.isolation.level < LEAST[trust]:
        opening["allowed"] = "weak isolation"
    return Opened(made, copied.source, copied.digest, opening, copied)


def _imports(seen: Mapping[str, Any]) -> list[str]:
    listed = seen.get("pickle_imports")
    names = listed if isinstance(listed, list) else []
    return [escaped(name, most=200) for name in names[:_MAX_IMPORTS]]


def _refusal(place: Path, seen: Mapping[str, Any]) -> UnsafeModelError:
    what = escaped(seen.get("what", "no model format that is known here"))
    return UnsafeModelError(
        "model {place} is refused: it looks like {what}",
        remedy=as_is(escaped(seen.get("remedy", "")))
        if seen.get("remedy")
        else "see `evenhand formats`: save it as one of them",
        place=place,
        what=what,
    )


def open_endpoint(endpoint: Endpoint, declared: Declared = NOTHING) -> Opened:
    """The endpoint as a model, without a digest. Nothing is sent before the first score.

    Raises InputError for a URL that may not be asked, and says what to declare.
    """
    predictor = EndpointPredictor(endpoint, declared)
    opening = {"format": NAME, "trust": NAME, "level": "not opened", "identity": IDENTITY}
    return Opened(predictor, endpoint.url, "", opening)
