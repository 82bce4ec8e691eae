"""What reading any folder of ours begins with: is it one, is its JSON sound, does it hold code?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.files.within import reading
from evenhand.audit.words.phrases import phrase

_MAX_JSON_BYTES = 16 << 20
_REMEDY = phrase("restore the folder from a copy, or make it again")
_CODE_SUFFIXES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".dill"})


def says_format(path: Path, name: str) -> bool:
    """Whether it is a folder whose model.json says that its format is ``name``."""
    file = path / "model.json"
    if not path.is_dir() or not file.is_file() or file.stat().st_size > _MAX_JSON_BYTES:
        return False
    try:
        says = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(says, dict) and says.get("format") == name


def read_json(file: Path) -> Any:
    """A JSON file's content. Raises InputError where it is missing, too large or malformed."""
    try:
        if file.stat().st_size > _MAX_JSON_BYTES:
            raise InputError("{file} is over 16 MiB", remedy="is it of a model folder?", file=file)
        with reading(file.stat().st_size, file, known=(OSError, ValueError, RecursionError)):
            return json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(
            "cannot read {file}: {strerror}", remedy=_REMEDY, file=file, strerror=error.strerror
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{file} is not JSON: {error}", remedy=_REMEDY, file=file, error=error
        ) from None


def refuse_code_files(path: Path) -> None:
    """Raises UnsafeModelError for file types whose opening can run code."""
    found = sorted(p.name for p in path.iterdir() if p.suffix.lower() in _CODE_SUFFIXES)
    if found:
        raise UnsafeModelError(
            "{path} holds {found}: a file type whose opening can run code",
            remedy="save the weights as safetensors and remove that file",
            path=path,
            found=", ".join(found[:5]),
        )
