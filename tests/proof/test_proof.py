"""A law: every measure has a family, every family a row in docs/proof.md, and no row fails."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np

from evenhand.audit.run.catalogue import checks
from tests.proof.cell import LAYOUTS, Cell, Drawn, Seen, verdict
from tests.proof.covered import FAMILY_OF, UNPROVEN
from tests.proof.page import PAGE
from tests.proof.regimes import every
from tests.proof.stamp import code_of, module_of


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


def test_a_cell_is_judged_by_the_simulations_own_interval() -> None:
    interval = Cell("f", "r", lambda rng: Drawn(True))
    test = Cell("f", "r", lambda rng: Drawn(True), kind="test")
    # 95 %: 90 of 100 are .824 to .951, 900 of 1,000 are .880 to .918, 960 of 1,000 .946 to .971
    assert verdict(interval, Seen(draws=100, made=100, hits=90)) == "borderline"
    assert verdict(interval, Seen(draws=1000, made=1000, hits=900)) == "fails"
    assert verdict(interval, Seen(draws=1000, made=1000, hits=960)) == "holds"
    # 90 alarms of 1,000 are .073 to .109
    assert verdict(test, Seen(draws=1000, made=1000, hits=90)) == "fails"
    assert verdict(test, Seen(draws=1000, made=1000, hits=30)) == "holds"
    listed = Cell("f", "r", lambda rng: Drawn(True), listed="why")
    assert verdict(listed, Seen(draws=1000, made=1000, hits=900)) == "listed"
    # what gives no number counts neither way
    assert verdict(interval, Seen(draws=1000)) == "not drawn"


def test_no_balanced_groups_of_100_are_excused() -> None:
    """ "Listed" is for regimes where no method holds: never for a gap of groups of 100 or more."""
    layouts = {each.name for each in LAYOUTS}
    assert not [x.name for x in every() if x.listed and any(name in x.regime for name in layouts)]


def test_a_block_can_be_drawn_again_from_its_seed() -> None:
    """One cell of each family, twice."""
    first = {cell.family: cell for cell in reversed(every())}
    slow = {"rows for a gap", "rows for a ratio"}
    for family, cell in first.items():
        if family not in slow:
            one, other = (cell.draw(np.random.default_rng(7)) for _ in range(2))
            assert one[0] == other[0], cell.name


def test_a_digest_changes_with_what_a_cell_goes_through() -> None:
    assert code_of("tests.proof.of_rates") == code_of("tests.proof.of_rates")
    assert len({code_of(module_of(cell.draw)) for cell in every()}) > 5
