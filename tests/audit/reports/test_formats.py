"""Every format: found by its file, the same bytes twice, nothing hidden, hostile names inert."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

import evenhand.audit.reports
from evenhand.audit.artifacts.person import Explanation
from evenhand.audit.case.case import Case, read_case
from evenhand.audit.errors import InputError
from evenhand.audit.files.shapes import parsed
from evenhand.audit.reports import FORMATS, Dossier, render
from tests.audit.reports.dossiers import PERSON, sample_dossier
from tests.audit.reports.verdict_samples import GATE, sample_verdicts
from tests.samples import HOSTILE

ALL = sorted(FORMATS)
TEXTS = [n for n in ALL if n != "pdf"]


def test_a_file_is_a_format() -> None:
    folder = Path(evenhand.audit.reports.__file__).parent
    files = {p.stem for p in folder.glob("*.py")} - {"__init__"}
    assert set(FORMATS) == files
    assert files >= {"html", "json", "markdown", "junit", "sarif", "model_card"}
    for module in FORMATS.values():
        assert module.SUFFIX.startswith(".") and "/" in module.MEDIA_TYPE and module.DESCRIPTION


def test_an_unknown_format_names_the_nearest(case: Case) -> None:
    with pytest.raises(InputError, match="htlm") as caught:
        render("htlm", case, [])
    assert "html" in caught.value.remedy
    with pytest.raises(InputError, match="language 'fr'"):
        render("html", case, [], lang="fr")


def test_hyphens_will_do(case: Case) -> None:
    assert render("model-card", case, []) == render("model_card", case, [])


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", TEXTS)  # pdf: see test_pdf
def test_equal_input_gives_equal_bytes(case: Case, name: str, lang: str) -> None:
    given = {"lang": lang, "gate": GATE, "dossier": sample_dossier(case)}
    first = render(name, case, sample_verdicts(), **given)
    assert render(name, read_case(case.path), sample_verdicts(), **given) == first


@pytest.mark.parametrize("name", ALL)
def test_a_case_without_verdicts_or_gate_renders(case: Case, name: str) -> None:
    dossier = Dossier(person=parsed(PERSON, Explanation)) if name == "adverse_action" else None
    assert render(name, case, [], gate=None, dossier=dossier)


@pytest.mark.parametrize("name", [n for n in TEXTS if n != "json"])
def test_no_format_lets_a_tag_or_a_hidden_character_through(case: Case, name: str) -> None:
    # the sample verdict SL-04 holds U+202E, the sample case a group named <script>...
    # and so do the dossier's statements, reasons and columns
    text = render(name, case, sample_verdicts(), dossier=sample_dossier(case)).decode()
    hidden = {"Cc", "Cf", "Cs", "Co"}
    assert not [c for c in text if unicodedata.category(c) in hidden and c != "\n"]
    kind = FORMATS[name].MEDIA_TYPE
    if "json" in kind:  # not read as markup
        assert json.loads(text)
    elif name == "github":  # workflow commands
        assert all(line.startswith("::") for line in text.splitlines())
    elif not kind.startswith("text/plain"):
        assert HOSTILE not in text
        assert text.count("<script") == (1 if name == "html" else 0)  # the report's own
    if name not in ("ll144_summary", "datasheet"):  # they show no verdict and no person
        assert "U+202E" in text


def test_json_is_ascii_and_keeps_names_exactly(case: Case) -> None:
    raw = render("json", case, sample_verdicts(), gate=GATE)
    document = json.loads(raw.decode("ascii"))
    assert [f["id"] for f in document["findings"]] == [f.id for f in case.findings]
    assert {f["group"].get("race") for f in document["findings"]} >= {HOSTILE}
    assert [v["item"] for v in document["verdicts"]] == [v.item for v in sample_verdicts()]
    assert document["digest"] == case.digest and document["gate"] == GATE.to_json()
    undefined = [f for f in document["findings"] if f["status"] != "measured"]
    assert len(undefined) == 4 and all(f["value"] is None and f["reason"] for f in undefined)
