"""A law: every measure has a family, every family a row in docs/proof.md, and no row fails."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np

from evenhand.audit.run.catalogue import checks
from tests.proof.__main__ import PAGE, verdict
from tests.proof.cells import Cell
from tests.proof.covered import FAMILY_OF, UNPROVEN
from tests.proof.regimes import every


def family_of(name: str) -> str | None:
    return next((family for pattern, family in FAMILY_OF if fnmatchcase(name, pattern)), None)


def test_every_measure_of_every_check_belongs_to_a_family_of_the_proof() -> None:
    families = {cell.family for cell in every()} | set(UNPROVEN) | {""}
    names = [f"{check.id}/{measure}" for check in checks() for measure in check.measures]
    assert len(names) > 150
    assert [name for name in names if family_of(name) not in families] == []
    assert {family for _, family in FAMILY_OF} <= families


def test_the_page_has_a_row_for_every_cell_and_none_fails() -> None:
    said = PAGE.read_text(encoding="utf-8")
    cells = every()
    assert len({cell.name for cell in cells}) == len(cells)
    missing = [x.name for x in cells if f"| {x.family} | {x.regime} |" not in said]
    assert missing == []
    assert "| fails |" not in said
    assert all(f"- {family}: " in said for family in UNPROVEN)


def test_a_cell_fails_only_where_the_simulation_is_sure() -> None:
    def draw(rng: np.random.Generator) -> tuple[bool, float]:
        return True, 0.0

    interval, test = Cell("f", "r", draw), Cell("f", "r", draw, is_test=True, limit=0.06)
    # 90 of 100 held: the simulation's interval reaches .95; 900 of 1,000 do not reach .935
    assert verdict(interval, [100, 90, 0.0, 0]) == "borderline"
    assert verdict(interval, [1000, 900, 0.0, 0]) == "fails"
    assert verdict(interval, [1000, 960, 0.0, 0]) == "holds"
    # 90 alarms of 1,000 are more than 6 %
    assert verdict(test, [1000, 90, 0.0, 0]) == "fails"
    assert verdict(test, [1000, 30, 0.0, 0]) == "holds"
    assert verdict(Cell("f", "r", draw, listed="why"), [1000, 900, 0.0, 0]) == "listed"


def test_every_cell_can_be_drawn_again_from_its_seed() -> None:
    for cell in every():
        first, second = (cell.draw(np.random.default_rng(7)) for _ in range(2))
        assert first[0] == second[0], cell.name
