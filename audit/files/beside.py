"""What a file from a stranger names lies beside it, or it isn't read."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from evenhand.audit.errors import InputError
from evenhand.audit.words.phrases import as_is


def beside(file: Path, key: str, named: str, *, remedy: str) -> str:
    """The place of what ``file`` names under ``key``: in the file's own folder, or below it.

    Raises InputError for an absolute path, for one with ``..``, and for one that goes through a
    symbolic link or to a file with a second name (a hard link). The file's own folder may be one:
    whoever names the file chose it.
    """
    parts = PurePosixPath(named.replace("\\", "/")).parts
    leads = "leads elsewhere"
    is_below = not os.path.isabs(named) and not any(p in ("..", "/") or ":" in p for p in parts)
    if is_below and "\0" not in named:
        steps = [file.parent.joinpath(*parts[: n + 1]) for n in range(len(parts))]
        place = steps[-1] if steps else file.parent
        if any(step.is_symlink() for step in steps):
            leads = "goes through a link"
        elif place.is_file() and place.stat().st_nlink > 1:
            leads = "has another name on the disk (a hard link)"
        else:
            return str(place)
    raise InputError(
        "{file}: {key}: {named!r} {leads}, and is to lie in the folder of the file",
        remedy=as_is(remedy),
        file=file,
        key=key,
        named=named,
        leads=leads,
    )
