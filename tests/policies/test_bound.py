"""A statement answers for what it is bound to: by the judge, the command line, report and law."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from evenhand.audit.cli import run
from evenhand.audit.register.register import Register
from evenhand.policies.pack import load_pack, shipped_packs
from tests.policies.build import (
    MODEL,
    OTHER_MODEL,
    attestation,
    attestation_item,
    entries,
    item,
    make_case,
    make_pack,
    only,
    pack_data,
    to_model,
    waiver,
)
from tests.samples import write_sample_case

OTHER_DIGESTS = {"model": OTHER_MODEL, "data": "sha256:" + "b" * 64}
SYSTEM = {"to": "system", "name": "Loan desk"}
ORGANISATION = {"to": "organisation", "name": "Acme"}


@pytest.mark.parametrize(
    ("scope", "binds", "facts", "status"),
    [
        # the same words, of another model: the kind of fault that this is about
        ("system", to_model(), {}, "needs-attestation"),
        ("org", to_model(), {}, "needs-attestation"),
        ("system", SYSTEM, {"system.name": "Loan desk"}, "attested"),
        ("system", SYSTEM, {"system.name": "Chat"}, "needs-attestation"),
        ("system", SYSTEM, {}, "needs-attestation"),
        ("org", ORGANISATION, {"organisation.name": "Acme"}, "attested"),
        ("org", ORGANISATION, {"organisation.name": "Other"}, "needs-attestation"),
        # what is bound to more than the item is about does not answer it
        ("model", SYSTEM, {"system.name": "Loan desk"}, "needs-attestation"),
        ("system", ORGANISATION, {"organisation.name": "Acme"}, "needs-attestation"),
        ("org", SYSTEM, {"system.name": "Loan desk"}, "attested"),
    ],
)
def test_for_another_model(
    scope: str, binds: dict[str, str], facts: dict[str, str], status: str
) -> None:
    case = make_case(facts=facts, digests=OTHER_DIGESTS)
    verdict = only(
        make_pack(attestation_item(scope=scope)), case, entries(attestation(binds=binds))
    )
    assert verdict.status == status
    if status == "attested":
        assert f" for the {binds['to']} {binds['name']}, " in verdict.because["en"]
        assert binds["name"] in verdict.because["zh"]
    else:
        assert verdict.reason_code == "attestation-elsewhere"
        assert "is bound to the " in verdict.because["en"] and "绑定到" in verdict.because["zh"]


def test_a_waiver_of_what_was_measured_is_of_one_model() -> None:
    failing = item(check={**item()["check"], "threshold": 0.95})
    case = make_case(facts={"system.name": "Loan desk"}, digests=OTHER_DIGESTS)
    assert only(make_pack(failing), case, entries(waiver(binds=SYSTEM))).status != "waived"
    old = only(make_pack(failing), make_case(), entries(waiver(binds=None, model_digest=MODEL)))
    assert old.status != "waived"
    assert "a waiver on file is bound to nothing: waive again" in old.because["en"]
    pending = make_pack(attestation_item(scope="system"))
    assert only(pending, case, entries(waiver(item="A-1", binds=SYSTEM))).status == "waived"


def test_a_crosswalked_answer_reaches_no_farther_than_the_item() -> None:
    given = attestation(pack="other", item="G-1", binds=ORGANISATION)
    case = make_case(facts={"organisation.name": "Acme"})
    for scope, status in (("model", "needs-attestation"), ("org", "attested")):
        one = {**attestation_item(scope=scope), "crosswalk": ["other:G-1"]}
        assert only(make_pack(one), case, entries(given)).status == status


@pytest.mark.parametrize("pack_id", shipped_packs())
def test_each_attested_item_says_what_it_is_about(pack_id: str) -> None:
    """Law: in a shipped pack nothing is about the model because nobody thought of it."""
    pack = load_pack(pack_id)
    raw = yaml.safe_load(pack.raw)
    if "scope" in (raw.get("defaults") or {}):
        return
    silent = [i["id"] for i in raw["items"] if "attest" in i and "scope" not in i["attest"]]
    assert not silent


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Cases of two models, one register, and a pack with an item of each scope."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    items = [attestation_item(i, scope=s) for i, s in (("M", "model"), ("S", "system"))]
    items.append(attestation_item("O", scope="org"))
    (tmp_path / "house.yaml").write_text(json.dumps(pack_data(*items)))
    write_sample_case(tmp_path / "one")
    write_sample_case(tmp_path / "two", digests=OTHER_DIGESTS)
    return tmp_path / "one", tmp_path / "two"


def attest(case: Path, item_id: str, *more: str) -> int:
    said = ["--by", "Ada", "--role", "owner", "--statement", "a human can stop it"]
    return run(["attest", str(case), item_id, "-p", "house.yaml", "--answer", "met", *said, *more])


def statuses(capsys: pytest.CaptureFixture[str], case: Path) -> dict[str, str]:
    capsys.readouterr()
    run(["judge", str(case), "-p", "house.yaml", "--json"])
    told: Any = json.loads(capsys.readouterr().out)
    return {v["item"]: v["status"] for v in told["verdicts"]}


def test_on_the_command_line(cases: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    one, two = cases
    for item_id in ("M", "S", "O"):  # nothing is named: each is bound to this model
        assert attest(one, item_id) == 0
        told = capsys.readouterr()
        assert "bound to the model sha256:aaaaaaaaaaaa…: it answers for every case" in told.err
        assert " for the model sha256:aaaaaaaaaaaa…, valid" in told.out
    assert set(statuses(capsys, one).values()) == {"attested"}
    assert set(statuses(capsys, two).values()) == {"needs-attestation"}
    # bound to a system, it answers for the cases that are said to be of it, and this one is now
    assert attest(one, "S", "--system", "Loan desk") == 0
    assert "the case's system.name is Loan desk" in capsys.readouterr().err
    assert statuses(capsys, two)["S"] == "needs-attestation"
    fact = ["--fact", "system.name=Loan desk", "--by", "Bo"]
    run(["judge", str(two), "-p", "house.yaml", *fact])
    assert statuses(capsys, two) == {
        "M": "needs-attestation",
        "S": "attested",
        "O": "needs-attestation",
    }
    assert attest(one, "S", "--system", "Chat") == 2
    assert "the case is of the system 'Loan desk', not 'Chat'" in capsys.readouterr().err
    assert attest(one, "M", "--bind", "system") == 2
    assert "the item is about the model" in capsys.readouterr().err
    body = Register().snapshot()[-2].body
    assert body["binds"] == SYSTEM and "model_digest" not in body


def test_an_older_entry_keeps_its_words_and_answers_nothing(
    cases: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    one, _ = cases
    assert attest(one, "M") == 0
    body = {k: v for k, v in Register().snapshot()[0].body.items() if k != "binds"}
    old = {**body, "model_digest": MODEL, "item": "S", "statement": "said long ago"}
    Register().append("attestation", old)
    assert statuses(capsys, one)["S"] == "needs-attestation"
    run(["report", str(one), "-p", "house.yaml", "-f", "model-card"])
    shown = capsys.readouterr().out
    assert "said long ago" in shown and "bound to nothing: attest again" in shown
