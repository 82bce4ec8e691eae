"""The bill of materials of a wheel: its digest, files and packages; and the release workflow."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest
import yaml

from supply import sbom
from supply.packages import ROOT, known, project


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of our name and needs; what else it holds is of no account here."""
    needs = "".join(f"Requires-Dist: {need}\n" for need in project()["dependencies"])
    place = tmp_path_factory.mktemp("wheel") / "evenhand-9.9-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("evenhand/__init__.py", "x = 1\n")
        archive.writestr(
            "evenhand-9.9.dist-info/METADATA",
            f"Name: evenhand\nVersion: 9.9\nLicense-Expression: Apache-2.0\n{needs}\nText\n",
        )
    return place


def test_the_bill_fits_the_schema_and_the_wheel(wheel: Path) -> None:
    text = sbom.bill(wheel)
    sbom.validate(text)  # cyclonedx-python-lib's schema, strictly
    made = json.loads(text)
    about = made["metadata"]["component"]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert about["hashes"] == [{"alg": "SHA-256", "content": digest}]
    files = {f["name"]: f["hashes"][0]["content"] for f in about["components"]}
    assert files["evenhand/__init__.py"] == hashlib.sha256(b"x = 1\n").hexdigest()
    assert text == sbom.bill(wheel)


def test_the_bill_names_every_package_that_users_get(wheel: Path) -> None:
    made = json.loads(sbom.bill(wheel))
    parts = {c["name"]: c for c in made["components"]}
    assert set(parts) == {p.name for p in known() if p.shipped}
    assert parts["torch"]["scope"] == "required" and parts["psycopg"]["scope"] == "optional"
    assert parts["psycopg"]["licenses"] == [{"expression": "LGPL-3.0-only"}]
    edges = {d["ref"]: d["dependsOn"] for d in made["dependencies"]}
    assert parts["numpy"]["purl"] in edges[parts["pandas"]["purl"]]
    direct = edges[made["metadata"]["component"]["bom-ref"]]
    asked = {re.split(r"[\[<>=]", need)[0].lower() for need in project()["dependencies"]}
    assert asked <= {purl.split("/")[1].split("@")[0] for purl in direct}
    assert {ref for refs in edges.values() for ref in refs} <= set(edges)


def test_a_wheel_that_needs_what_no_lock_has_is_refused(wheel: Path, tmp_path: Path) -> None:
    other = tmp_path / wheel.name
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(
            "evenhand-9.9.dist-info/METADATA",
            "Version: 9.9\nLicense-Expression: MIT\nRequires-Dist: nobody-locked-this>=1\n\n",
        )
    with pytest.raises(ValueError, match="nobody-locked-this: make lock"):
        sbom.bill(other)
    with pytest.raises(ValueError, match="not CycloneDX"):
        sbom.validate('{"bomFormat": "CycloneDX", "specVersion": "1.6", "what": 1}')


def test_a_release_is_attested_and_uses_what_is_locked() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    steps = [step for job in jobs.values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in used), used
    names = [name.split("@")[0] for name in used]
    assert {"actions/attest-build-provenance", "actions/attest-sbom"} <= set(names)
    assert names.index("actions/attest-build-provenance") < names.index("actions/upload-artifact")
    assert jobs["build"]["permissions"] == {
        "contents": "read",
        "id-token": "write",
        "attestations": "write",
    }
    runs = "\n".join(step.get("run", "") for step in steps)
    assert re.findall(r"pip install .*", runs) == [
        "pip install --require-hashes -r locks/release.txt"
    ]
    assert "-m supply.sbom" in runs and "secrets." not in text
    # nothing that a tag's name holds reaches a shell as text of the script
    assert not any("${{" in step.get("run", "") for step in steps)
