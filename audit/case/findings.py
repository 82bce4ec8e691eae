"""The findings of a sealed case, read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from evenhand.audit.errors import AlteredEvidenceError
from evenhand.audit.files.bounded import require_readable
from evenhand.audit.files.shapes import first_problem
from evenhand.audit.finding import Finding

_ALL_FIELDS = set(Finding.model_fields)


def read_findings(folder: Path, measures: Sequence[str] = ()) -> tuple[Finding, ...]:
    """The findings of a sealed case; those of ``measures`` alone, where any are named, without
    parsing the others. Raises AlteredEvidenceError where a line is no finding, LimitError for
    more than a case holds."""
    file, names = folder / "findings.jsonl", [m.encode() for m in measures]
    require_readable(file)
    try:
        with file.open("rb") as lines:  # line by line, and by b"\n" alone: names may hold U+2028
            asked = (n for n in lines if n.strip() and (not names or any(m in n for m in names)))
            found = tuple(_finding(line) for line in asked)
    except ValidationError as error:
        raise AlteredEvidenceError(
            "{file} does not hold findings: {error}",
            remedy="the case was written by another version or altered: audit again",
            file=file,
            error=first_problem(error),
        ) from error
    return tuple(f for f in found if f.measure in measures) if measures else found


def _finding(line: bytes) -> Finding:
    finding = Finding.model_validate_json(line)
    if finding.model_fields_set == _ALL_FIELDS:
        # one set of names for all of them: pydantic keeps one for each, over a kilobyte
        object.__setattr__(finding, "__pydantic_fields_set__", _ALL_FIELDS)
    return finding
