"""What reading any folder of ours begins with: is it one, is its JSON sound, does it hold code?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError, UnsafeModelError

_MAX_JSON_BYTES = 16 << 20
_REMEDY = "restore the folder from a copy, or make it again"
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
            raise InputError(f"{file} is over 16 MiB", remedy="is it of a model folder?")
        return json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}", remedy=_REMEDY) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON: {error}", remedy=_REMEDY) from None


def refuse_code_files(path: Path) -> None:
    """Raises UnsafeModelError for file types whose opening can run code."""
    found = sorted(p.name for p in path.iterdir() if p.suffix.lower() in _CODE_SUFFIXES)
    if found:
        raise UnsafeModelError(
            f"{path} holds {', '.join(found[:5])}: a file type whose opening can run code",
            remedy="save the weights as safetensors and remove that file",
        )
