"""Cases are found wherever they are, and what is wrong with one is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evenhand.audit.case.case import Case
from evenhand.audit.files.canonical import canonical_bytes, digest_file
from evenhand.audit.register.register import Register
from evenhand.dashboard.cases import store
from tests.dashboard.sound_cases import alter, register_case, write_case


def all_cases(*given: Path) -> list[store.StoredCase]:
    register = store.read_register()
    opened = [store.open_case(p) for p in store.case_paths(given, register.entries)]
    checked = [store.against_register(c, register.entries) for c in opened]
    return store.unique(store.without_moved(checked, register.entries))


def test_an_empty_home_has_no_case(home: Path) -> None:
    assert all_cases() == []


def test_cases_come_from_home_register_and_command_line(home: Path, tmp_path: Path) -> None:
    write_case(home / "cases" / "a", name="at home", day=1)
    register_case(write_case(tmp_path / "b", name="registered", day=2))
    given = write_case(tmp_path / "c", name="given", day=3)
    write_case(tmp_path / "shelf" / "d", name="on a shelf", day=4)
    found = all_cases(given.path, tmp_path / "shelf")
    assert [c.name for c in found] == ["on a shelf", "given", "registered", "at home"]
    assert {c.state for c in found} == {"sealed"}


def test_one_case_in_two_lists_is_shown_once(case: Case) -> None:
    assert len(all_cases(case.path)) == 1


def test_an_altered_case_is_listed_first_with_what_changed(case: Case, home: Path) -> None:
    bad = write_case(home / "cases" / "bad", name="bad", day=1)
    alter(bad)
    found = all_cases()
    assert [c.state for c in found] == ["altered", "sealed"]
    assert "findings.jsonl: changed" in found[0].problem
    assert found[0].remedy


def test_a_link_to_a_case_still_finds_it_after_it_was_altered(case: Case) -> None:
    key = all_cases()[0].key
    alter(case)
    stored = store.find(all_cases(), key)
    assert stored is not None
    assert stored.state == "altered"


def test_a_sound_copy_does_not_hide_an_altered_one(case: Case, home: Path) -> None:
    shutil.copytree(case.path, home / "cases" / "copy")
    alter(case)
    found = all_cases()
    assert sorted(c.state for c in found) == ["altered", "sealed"]
    stored = store.find(found, found[0].key)
    assert stored is not None
    assert stored.state == "altered"


def test_a_case_that_was_sealed_anew_is_told_by_the_register(case: Case) -> None:
    alter(case)
    seal = json.loads((case.path / "seal.json").read_text("utf-8"))
    seal["files"]["findings.jsonl"] = digest_file(case.path / "findings.jsonl")
    (case.path / "seal.json").write_bytes(canonical_bytes(seal))
    (found,) = all_cases()
    assert found.state == "altered"
    assert "sealed anew" in found.problem


def test_a_case_without_its_seal_is_not_hidden(case: Case) -> None:
    (case.path / "seal.json").unlink()
    (found,) = all_cases()
    assert found.state == "altered"


def test_a_registered_case_whose_folder_is_gone_is_missing(case: Case) -> None:
    shutil.rmtree(case.path)
    (found,) = all_cases()
    assert found.state == "missing"


def test_a_case_that_was_moved_is_not_missing(case: Case, tmp_path: Path) -> None:
    shutil.move(case.path, tmp_path / "elsewhere")
    (found,) = all_cases(tmp_path / "elsewhere")
    assert found.state == "sealed"


@pytest.mark.parametrize("text", ["[]", "{}", '{"subject": 3}', "not json"])
def test_a_case_sealed_around_a_senseless_plan_is_not_trusted(case: Case, text: str) -> None:
    (case.path / "plan.json").write_text(text)
    seal = json.loads((case.path / "seal.json").read_text("utf-8"))
    seal["files"]["plan.json"] = digest_file(case.path / "plan.json")
    (case.path / "seal.json").write_bytes(canonical_bytes(seal))
    assert store.open_case(case.path).state == "altered"


def test_a_path_that_is_no_case_is_said(home: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    states = {c.name: c.state for c in all_cases(tmp_path / "x", tmp_path / "y")}
    assert states == {"x": "unreadable", "y": "missing"}


def test_any_change_of_a_file_changes_the_fingerprint(case: Case) -> None:
    before = store.fingerprint(case.path)
    alter(case)
    assert store.fingerprint(case.path) != before
    assert store.fingerprint(case.path / "nowhere")


def test_an_altered_register_is_a_stated_problem(case: Case, home: Path) -> None:
    (home / "register.sqlite").write_bytes(b"not a database" * 100)
    view = store.read_register()
    assert view.entries == ()
    assert view.problem and view.remedy


def test_facts_that_a_plan_does_not_name_are_empty(home: Path) -> None:
    bare = write_case(home / "cases" / "bare", model=None, data=None, target=None)
    facts = store.facts(bare)
    assert (facts["model"], facts["data"], facts["target"]) == ("", "", "")
    assert facts["date"] == "2026-11-22 10:00 UTC"


def test_minimum_sizes_come_from_the_plan(case: Case) -> None:
    assert store.minimum_sizes(case) == {"fairness.group_rates": 10, "fairness.gaps": 10}


def test_registered_bodies_without_a_path_are_skipped(case: Case) -> None:
    Register().append("case", {"digest": case.digest})
    Register().append("waiver", {"path": "/nowhere"})
    assert [c.state for c in all_cases()] == ["sealed"]
