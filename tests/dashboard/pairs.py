"""Two cases on the same 120 rows, whose every difference can be worked out by hand.

Rows 0 to 79 are white, 80 to 119 black; everybody deserves the positive decision. The plain model
gives it to 70 and 30 of them, the private one to 70 and 18: 12 of 40 black people fare worse under
the private model, nobody fares better, and no white person is decided differently.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evenhand.audit.case.case import Case, CaseWriter
from evenhand.audit.case.environment import Environment
from evenhand.audit.finding import Finding
from evenhand.audit.run.decisions import decisions_json
from evenhand.audit.subject.predictions import Predictions
from tests.dashboard.artifacts import attributions, thresholds
from tests.dashboard.sound_cases import PACK
from tests.samples import finding, sample_plan

WHITE, BLACK = 80, 40
LEDGER: dict[str, Any] = {
    "schema": "evenhand-ledger/1",
    "epsilon": 2.99,
    "delta": 1e-4,
    "unit": "row",
    "adjacency": "add/remove one row",
    "n_train": 1000,
    "n_lines": 6,
    "entries": [
        {
            "seq": 1,
            "at": "2026-11-20T09:00:00+00:00",
            "event": "opened",
            "steps": 0,
            "epsilon": 0.0,
            "accountant": "PRV",
        },
        {
            "seq": 2,
            "at": "2026-11-20T09:00:01+00:00",
            "event": "ahead",
            "steps": 30,
            "epsilon": 1.9,
            "accountant": "PRV",
        },
        {
            "seq": 4,
            "at": "2026-11-20T09:10:00+00:00",
            "event": "paused",
            "steps": 25,
            "epsilon": 1.7,
            "accountant": "PRV",
        },
        {
            "seq": 5,
            "at": "2026-11-21T08:00:00+00:00",
            "event": "opened",
            "steps": 25,
            "epsilon": 1.7,
            "accountant": "PRV",
        },
        {
            "seq": 6,
            "at": "2026-11-21T08:20:00+00:00",
            "event": "closed",
            "steps": 60,
            "epsilon": 2.99,
            "accountant": "PRV",
        },
    ],
}


def decisions(n_black: int) -> dict[str, Any]:
    """70 white people and ``n_black`` black people get the positive decision."""
    place = np.arange(WHITE + BLACK)
    selected = (place < 70) | ((place >= WHITE) & (place < WHITE + n_black))
    everybody = np.ones(WHITE + BLACK, dtype=bool)
    race = np.where(place < WHITE, "white", "black")
    groups = pd.DataFrame({"race": race, "sex": np.where(place % 2, "f", "m")})
    return decisions_json(Predictions(everybody, selected, None, False, groups))


def _findings(n_black: int, *, is_private: bool) -> list[Finding]:
    rate = n_black / BLACK
    right = (70 + n_black) / (WHITE + BLACK)
    gap = 70 / WHITE - rate
    rates, gaps = "fairness.group_rates", "fairness.gaps"
    found = [
        finding(
            "performance.classification",
            "accuracy_score",
            right,
            right - 0.1,
            right + 0.05,
            n=WHITE + BLACK,
        ),
        finding(rates, "selection_rate", 70 / WHITE, 0.8, 0.93, n=WHITE, group={"race": "white"}),
        finding(
            rates,
            "selection_rate",
            rate,
            rate - 0.15,
            rate + 0.15,
            n=BLACK,
            group={"race": "black"},
        ),
        finding(
            gaps,
            "demographic_parity_difference",
            gap,
            gap - 0.1,
            gap + 0.1,
            n=WHITE + BLACK,
            between=["race"],
        ),
        finding(
            "energy.training",
            "training_energy",
            50.0 if is_private else 20.0,
            unit="joule",
            n=1,
            method="estimated",
        ),
    ]
    if is_private:
        found += [
            finding("privacy.declared_budget", "declared_epsilon", 2.99, unit="epsilon", n=1000),
            finding(
                "privacy.ledger",
                "ledger_line_count",
                6,
                unit="line",
                n=1000,
                artifacts=("privacy.ledger.json",),
            ),
        ]
    else:
        found.append(
            finding(
                "privacy.declared_budget",
                "declared_epsilon",
                None,
                status="not_applicable",
                reason="the model was trained without differential privacy",
            )
        )
    return found


def write_pair(folder: Path, *, prefix: str = "loan") -> tuple[Case, Case]:
    """Seals the plain and the private case below ``folder``."""
    return (
        _write(folder / "plain", f"{prefix} plain", 30, is_private=False),
        _write(folder / "private", f"{prefix} private", 18, is_private=True),
    )


def _write(path: Path, name: str, n_black: int, *, is_private: bool) -> Case:
    environment = Environment(
        evenhand="0.1.0", finished_at=f"2026-11-2{2 + is_private}T10:00:20+00:00"
    )
    explained = attributions()
    if is_private:  # the second column outweighs the first in one of the two rows
        strong, weak = explained["values"]
        explained["values"] = {strong: [-0.1, 0.2], weak: [-0.4, 0.0]}
    with CaseWriter(path, sample_plan(name=name)) as writer:
        writer.add_pack("house-rules.yaml", PACK.read_bytes())
        writer.add_artifact("decisions.json", decisions(n_black))
        writer.add_artifact("explanation.attribution.json", explained)
        writer.add_artifact("fairness.thresholds.json", thresholds())
        if is_private:
            writer.add_artifact("privacy.ledger.json", LEDGER)
        return writer.seal(_findings(n_black, is_private=is_private), environment)
