"""What a new contributor writes: a report format and a model format, each with its test, whole."""

from __future__ import annotations

REPORT = '''"""TAP: one line an item, for test harnesses that read the Test Anything Protocol."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.words import words
from evenhand.audit.words.text import visible
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/plain; charset=utf-8"
SUFFIX = ".tap"
DESCRIPTION = "Test Anything Protocol: one line an item, for test harnesses."
_FAILS = frozenset({"fail", "error"})
_PASSES = frozenset({"pass", "attested"})


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """What neither passes nor fails is skipped, with its status."""
    say = words(lang)
    lines = ["TAP version 14", f"1..{len(verdicts)}"]
    for number, verdict in enumerate(verdicts, 1):
        word = "not ok" if verdict.status in _FAILS else "ok"
        title = visible(say.pick(verdict.title)).replace("#", "")
        line = f"{word} {number} - {verdict.pack} {verdict.item} {title}"
        is_open = verdict.status not in _FAILS | _PASSES
        lines.append(f"{line} # SKIP {verdict.status}" if is_open else line)
        if verdict.status not in _PASSES:
            lines.append(f"# {visible(say.pick(verdict.because))}")
    lines += [f"# {visible(what)}: {visible(where)}" for what, where in sources(case, dossier, say)]
    return ("\\n".join(lines) + "\\n").encode()
'''

REPORT_TEST = '''"""TAP of verdicts that are written out by hand."""

from __future__ import annotations

from evenhand.audit.case.case import Case
from evenhand.audit.reports import render
from tests.audit.reports.verdict_samples import sample_verdicts


def test_a_line_is_an_item(case: Case) -> None:
    verdicts = sample_verdicts()
    lines = render("tap", case, verdicts).decode().splitlines()
    assert lines[:2] == ["TAP version 14", f"1..{len(verdicts)}"]
    fails = {i for i, v in enumerate(verdicts, 1) if v.status in ("fail", "error")}
    assert {int(x.split()[2]) for x in lines if x.startswith("not ok ")} == fails
'''

MODEL = '''"""Scorecards: points a column in JSON, added up, through the logistic function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.audit.models.predictor import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "scorecard"
TRUST = "data"
ABOUT = "points a column, as JSON: numbers and names alone"
RECOGNISED_BY = "JSON whose first key is scorecard"
SAVE = 'json.dump({"scorecard": 1, "points": {"age": 0.02}, "start": -1, "classes": [0, 1]}, file)'


@dataclass(frozen=True)
class Scorecard:
    """The points, opened."""

    points: Mapping[str, float]
    start: float
    classes: tuple[str, ...]
    format: str = NAME
    task: Task = "binary"
    maker_says: Mapping[str, Any] = field(default_factory=dict)
    gradients: None = None

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The columns that have points."""
        return tuple(self.points)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Shape (rows, 2)."""
        import numpy as np

        total = self.start + frame[list(self.points)].to_numpy(float) @ np.array(
            list(self.points.values())
        )
        share = 1 / (1 + np.exp(-total))
        return np.column_stack([1 - share, share])


def recognises(path: Path) -> bool:
    """A file that begins as a scorecard does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"".join(file.read(64).split()).startswith(b\'{"scorecard":\')


def load(path: Path) -> Scorecard:
    """Opens it. Raises InputError for what is no scorecard."""
    try:
        says = json.loads(path.read_bytes())
        points = {str(k): float(v) for k, v in says["points"].items()}
        return Scorecard(points, float(says["start"]), tuple(str(c) for c in says["classes"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no scorecard: {error}", remedy=SAVE) from None
'''

MODEL_TEST = '''"""A scorecard of two columns, added up by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.models.catalogue import formats
from evenhand.audit.worker.opening import open_model


def test_points_are_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = {"scorecard": 1, "points": {"a": 2, "b": -1}, "start": 0.5, "classes": ["no", "yes"]}
    model = tmp_path / "card.json"
    model.write_text(json.dumps(card))
    assert [f.NAME for f in formats() if f.recognises(model)] == ["scorecard"]
    rows = pd.DataFrame({"a": [0, 1], "b": [0.5, 0.0]})
    scores = open_model(model).predictor.predict_proba(rows)[:, 1]
    # 0.5 + 2*0 - 0.5 = 0 and 0.5 + 2 = 2.5; the logistic function of them
    assert scores == pytest.approx([0.5, 0.92414181997])
    assert run(["formats", "scorecard"]) == 0
    assert "numbers and names alone" in capsys.readouterr().out
'''
