"""The case: every byte is sealed; nothing half-written is left behind."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from evenhand.audit.case.case import CaseWriter, case_digest, find_cases, read_case, verify_case
from evenhand.audit.case.environment import Environment
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import canonical_bytes, digest_bytes
from tests.samples import finding, sample_plan, write_sample_case


def test_a_case_reads_back_as_written(tmp_path: Path) -> None:
    written = write_sample_case(tmp_path / "case")
    read = read_case(tmp_path / "case")
    assert read == written
    assert verify_case(tmp_path / "case") == []
    assert find_cases([tmp_path]) == [tmp_path / "case"]
    # the digest is that of the seal's own bytes: sha256sum seal.json gives it too
    raw = (tmp_path / "case" / "seal.json").read_bytes()
    assert read.digest == "sha256:" + hashlib.sha256(raw).hexdigest() == case_digest(read.path)


def test_any_changed_byte_of_any_file_is_found(tmp_path: Path) -> None:
    case = write_sample_case(tmp_path / "case")
    names = [*case.files, "seal.json"]
    for name in names:
        for position in (0, -1, "middle"):
            copy = tmp_path / "copy"
            shutil.copytree(case.path, copy)
            data = bytearray((copy / name).read_bytes())
            at = len(data) // 2 if position == "middle" else position
            data[at] ^= 1
            (copy / name).write_bytes(data)
            assert verify_case(copy), (name, position)
            with pytest.raises(AlteredEvidenceError):
                read_case(copy)
            shutil.rmtree(copy)


def test_added_missing_and_replaced_files_are_found(tmp_path: Path) -> None:
    case = write_sample_case(tmp_path / "case")
    (case.path / "extra").mkdir()
    (case.path / "extra" / "note.txt").write_text("x")
    assert [str(p) for p in verify_case(case.path)] == ["extra/note.txt: added after sealing"]
    shutil.rmtree(case.path / "extra")
    (case.path / "plan.json").unlink()
    assert [str(p) for p in verify_case(case.path)] == ["plan.json: missing"]
    twin = tmp_path / "plan-twin.json"
    twin.write_bytes(json.dumps(case.plan.to_json()).encode())
    (case.path / "plan.json").symlink_to(twin)
    assert "not a plain file" in str(verify_case(case.path)[0])


def test_a_missing_seal_is_altered_evidence_and_an_empty_folder_is_no_case(tmp_path: Path) -> None:
    case = write_sample_case(tmp_path / "case")
    (case.path / "seal.json").unlink()
    assert [str(p) for p in verify_case(case.path)] == ["seal.json: missing"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is not a case"):
        verify_case(tmp_path / "empty")


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with CaseWriter(tmp_path / "case", sample_plan()) as writer:
            writer.add_artifact("curve.json", {"x": [1]})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_the_plan_is_on_disk_before_anything_is_measured(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case", sample_plan()):
        (plan,) = tmp_path.glob(".case.partial-*/case/plan.json")
        assert json.loads(plan.read_text()) == sample_plan().to_json()


def test_a_case_is_never_overwritten_and_files_stay_inside(tmp_path: Path) -> None:
    write_sample_case(tmp_path / "case")
    with pytest.raises(InputError, match="never edited"):
        write_sample_case(tmp_path / "case")
    with CaseWriter(tmp_path / "other", sample_plan()) as writer, pytest.raises(InputError):
        writer.add_artifact("../../out.json", 1)


def test_line_separators_in_names_survive(tmp_path: Path) -> None:
    name = "a\u2028b\u0085c\nd"
    with CaseWriter(tmp_path / "case", sample_plan()) as writer:
        case = writer.seal(
            [finding("data.groups", "label_rate", 0.5, group={"g": name})], Environment()
        )
    assert read_case(case.path).findings[0].group == {"g": name}


def test_findings_of_an_older_case_are_read_and_of_a_newer_one_refused(tmp_path: Path) -> None:
    """Schema 1 had a reason as one English text, and a seal without the schema of findings."""
    folder = write_sample_case(tmp_path / "case").path
    seal = json.loads((folder / "seal.json").read_text())
    assert seal["findings"] == "evenhand-findings/2"
    lines = [json.loads(line) for line in (folder / "findings.jsonl").read_text().splitlines()]
    told = {f.id: f.reason_text() for f in read_case(folder).findings}
    old = [{**line, "reason": told[line["id"]]} for line in lines]
    text = b"".join(canonical_bytes(line) + b"\n" for line in old)
    (folder / "findings.jsonl").write_bytes(text)
    files = {**seal["files"], "findings.jsonl": digest_bytes(text)}
    (folder / "seal.json").write_bytes(canonical_bytes({"schema": seal["schema"], "files": files}))
    assert {f.id: f.reason_text() for f in read_case(folder).findings} == told
    assert any(told.values())
    (folder / "seal.json").write_bytes(canonical_bytes({**seal, "findings": "evenhand-findings/9"}))
    with pytest.raises(AlteredEvidenceError, match="evenhand-findings/9"):
        read_case(folder)
