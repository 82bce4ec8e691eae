"""Still pictures of the copy that needs no server, held against numbers worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evenhand.audit.case.case import Case
from evenhand.dashboard.export import site as export
from evenhand.dashboard.export import views as export_views
from evenhand.dashboard.export.views import View
from evenhand.dashboard.i18n import Translator
from tests.dashboard.artifacts import write_full_case
from tests.dashboard.export.reading import read
from tests.dashboard.pairs import write_pair
from tests.samples import HOSTILE

T = Translator("en")


def view(views: list[View], title: str) -> View:
    return next(v for v in views if title in v.title)


@pytest.fixture
def full(home: Path) -> Case:
    return write_full_case(home / "cases" / "full")


def test_rates_along_the_threshold(full: Case) -> None:
    swept = view(export_views.fairness(full, T), "Selection rate by race")
    assert [name for name, _ in swept.pictures] == ["g0", HOSTILE]
    # 4, 3 and 0 of the 8 rows are selected at 0, 0.5 and 1 (see ``artifacts.thresholds``)
    assert swept.heads == ("Threshold", "g0", HOSTILE)
    assert [row[:2] for row in swept.rows] == [
        ("0", "0.50 [0.10, 0.90] (4/8)"),
        ("0.50", "0.375 [0.10, 0.90] (3/8)"),
        ("1", "0 (0/8)"),
    ]
    drawing = str(swept.pictures[0][1])
    assert drawing.count('class="line') == 1
    # the threshold of the model lies in the middle of the axis from 42 to 308
    assert '<path class="zero" d="M175 10V150"/>' in drawing
    # 4 of 8 halfway between 150 (none) and 10 (all), at the left end
    assert 'class="line k2" d="M42 80L' in drawing


def test_calibration_and_worst_groups(full: Case) -> None:
    views = export_views.fairness(full, T)
    curve = view(views, "Calibration: By race")
    assert curve.rows[0] == ("white", "0.50", "0.40 [0.17, 0.69] (4/10)")
    tree = view(views, "Error tree")
    assert tree.rows[1] == ("› sex = F", "0.50", "4/8")  # 4 of 8 women
    tested = view(views, "Groups found on one half")
    assert tested.rows[0][:4] == ("sex = F", "0.50", "2", "4")
    crossing = view(views, "Errors by two columns")
    assert crossing.rows[0] == ("F × w", "0.50", "4/8")


def test_explanations_by_group_and_of_people(full: Case) -> None:
    views = export_views.explanations(full, T)
    groups = view(views, "Attribution: By race")
    assert ("race = black", "other", "0.40", "1", "5") in groups.rows
    assert view(views, "Principal reasons").rows[0][:3] == ("7", "1", "income")
    assert view(views, "Smallest change").rows == (("7", "income", "+12.5"),)


def test_another_version_s_artifact_is_named_not_guessed_at(full: Case) -> None:
    class Old(Case):
        def artifact(self, name: str) -> object:
            return {"level": 0.9}

    views = export_views.fairness(Old(**vars(full)), T)
    assert [v.title for v in views] == [
        f"fairness.{n}.json cannot be drawn" for n in ("thresholds", "calibration", "worst_groups")
    ]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain and the private case as pages, for colleagues and for the public."""
    folder = tmp_path_factory.mktemp("copies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENHAND_HOME", str(folder))
        patch.delenv("EVENHAND_REGISTER", raising=False)
        write_pair(folder / "cases")
        export.write(folder / "all")
        export.write(folder / "public", public=True)
    return folder


def pages(folder: Path, name: str) -> dict[str, str]:
    """The text of one page of each case, by the name of the case."""
    found = {}
    for path in folder.glob(f"*/{name}.html"):
        text = re.sub(r"\s+", " ", " ".join(read(path).texts))
        found["private" if "loan private · " in text.split("Against")[0] else "plain"] = text
    return found


def test_the_compare_page_has_the_differences_of_the_command(copies: Path) -> None:
    told = pages(copies / "all", "compare")
    assert set(told) == {"plain", "private"}
    private, plain = told["private"], told["plain"]
    assert "Against loan plain · " in private
    # 18 of 40 less 30 of 40 black people: -0.3; of all 120 people 12 fewer: -0.1
    assert "0.45 0.75 -0.30 [" in private
    assert "0.733 0.833 -0.10 [" in private
    assert "0.75 0.45 +0.30 [" in plain  # the other way round
    assert "worse here" in private and "better here" in plain
    # 88 of 120 right is under the 0.8 of H-01, 100 of 120 may be under it
    assert "H-01 Accuracy is at least 0.8 ✗ Fail ? Undecided" in private
    assert "Energy of training joule 50 20" in private
    # of two rows one has its two columns the other way round: -1 and 1, on average 0
    assert "rank correlation of attributions 0 -1 1 2" in private
    picture = (next((copies / "all").glob("*/compare.html"))).read_text("utf-8")
    assert picture.count('<svg class="chart"') >= 4


def test_the_public_copy_compares_nobody_s_group(copies: Path) -> None:
    for text in pages(copies / "public", "compare").values():
        assert "race = black" not in text
        assert "all rows" in text
        assert "left out of this public copy" in text
    for path in (copies / "public").glob("*/fairness.html"):
        assert "Thresholds: Selection rate" not in path.read_text("utf-8")


def test_the_privacy_page_has_the_ledger_line_by_line(copies: Path) -> None:
    told = next(
        "".join(read(p).texts)
        for p in (copies / "all").glob("*/privacy.html")
        if "run ended" in p.read_text("utf-8")
    )
    assert re.search(r"2026-11-21 08:20:00\s*run ended\s*60\s*2.99\s*PRV", told)


def test_cases_on_other_rows_are_not_compared(home: Path, tmp_path: Path) -> None:
    from tests.dashboard.sound_cases import write_case

    write_case(home / "cases" / "one")
    write_case(home / "cases" / "two", name="two", digests={"data": "sha256:" + "c" * 64})
    export.write(tmp_path / "out")
    for path in (tmp_path / "out").glob("*/compare.html"):
        assert "nothing is compared row by row" in path.read_text("utf-8")
