"""Which version of scikit-learn saved an object, where another one is installed here."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.models.unpickling.pickle_imports import pickle_streams
from evenhand.audit.words.phrases import phrase

_KEY = "_sklearn_version"
# The key, perhaps a memo of it, and a text with its length: as protocols 2 to 5 write them.
_IN_PICKLE = re.compile(
    rb"_sklearn_version(?:\x94|q.|r....)?(?:\x8c(.)|X(.)\x00\x00\x00)([0-9][0-9A-Za-z.]{2,28})",
    re.DOTALL,
)


@dataclass(frozen=True)
class Versions:
    """The version that ``made`` a model, and the one ``here``; their first two parts differ."""

    made: str
    here: str


def says(other: Versions | None) -> dict[str, str]:
    """What a predictor tells of it (``maker_says``); nothing where the versions agree."""
    if other is None:
        return {}
    return {"sklearn_version": other.made, "sklearn_version_here": other.here}


def version_in_skops(file: Path) -> Versions | None:
    """What a .skops file says of the scikit-learn that saved it; None where it is this one."""
    try:
        with zipfile.ZipFile(file) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, RecursionError):
        return None
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            held = node.get(_KEY)
            if isinstance(held, dict) and isinstance(held.get("content"), str):
                return _differing(held["content"].strip('"'))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return None


def version_in_pickle(path: Path) -> Versions | None:
    """The same of a pickle, from its bytes alone: nothing in them is run."""
    for stream in pickle_streams(path):
        for found in _IN_PICKLE.finditer(stream.read()):
            length = (found[1] or found[2])[0]
            return _differing(found[3][:length].decode("ascii"))
    return None


def _differing(made: str) -> Versions | None:
    import sklearn

    here = str(sklearn.__version__)
    plain = made.replace(".", "").isalnum() and len(made) < 30
    if not plain or made.split(".")[:2] == here.split(".")[:2]:
        return None
    return Versions(made, here)


def way_out(other: Versions) -> str:
    """What to do with a model that another version saved."""
    return phrase(
        "it was saved by scikit-learn {made}, here is {here}: in an environment with "
        "scikit-learn=={made} open it and write its answers into a column (evenhand "
        "audit --predictions FILE --predicted COLUMN ...) or export it to ONNX "
        "(evenhand formats onnx), or fit it again with the version that is installed "
        "here",
        made=other.made,
        here=other.here,
    )
