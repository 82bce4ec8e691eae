"""A bill of materials of a built wheel, in CycloneDX 1.6: ``python -m supply.sbom WHEEL -o FILE``.

It names the wheel by its digest, each file in it, and every package that the locks name: those that
evenhand needs as required, those of extras as optional, with their licences and who needs whom. The
same wheel and locks give the same bytes. Raises ValueError where the wheel asks for a package that
no lock names, and where the result doesn't fit CycloneDX's schema.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from supply.packages import CORE, Package, known, normal

_SPACE = uuid.UUID("5c0d5f0c-1d1e-5c55-9b1c-0f6b0a4f3c11")  # ours, so that ids are repeatable


def main() -> None:
    """Writes the bill beside the wheel, or to ``-o``."""
    parser = argparse.ArgumentParser(description="A bill of materials of a built wheel.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    text = bill(asked.wheel)
    validate(text)
    out = asked.out or asked.wheel.with_suffix(".cdx.json")
    out.write_text(text, "utf-8")
    print(out)


def bill(wheel: Path, packages: Sequence[Package] | None = None) -> str:
    """The bill of materials of ``wheel``, as JSON."""
    packages = [p for p in (known() if packages is None else packages) if p.shipped]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with zipfile.ZipFile(wheel) as archive:
        meta = _metadata(archive)
        files = [_file(archive, name) for name in sorted(archive.namelist())]
    missing = {_name(need) for need in meta.get_all("Requires-Dist") or ()}
    missing -= {p.name for p in known()}
    if missing:
        raise ValueError(f"{wheel.name} needs {', '.join(sorted(missing))}: make lock")
    root = f"pkg:pypi/evenhand@{meta['Version']}"
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": root,
                "name": "evenhand",
                "version": meta["Version"],
                "purl": root,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"expression": meta["License-Expression"]}],
                "components": files,
            }
        },
        "components": [_component(p) for p in packages],
        "dependencies": list(_dependencies(root, packages)),
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def validate(text: str) -> None:
    """Raises ValueError with the place where ``text`` isn't a CycloneDX 1.6 document."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"not CycloneDX 1.6: {str(wrong)[:300]}")


def _metadata(archive: zipfile.ZipFile) -> Any:
    (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(archive.read(name).decode("utf-8"))


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    return normal(found[0]) if found else requirement


def _file(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    digest = hashlib.sha256(archive.read(name)).hexdigest()
    return {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}


def _purl(package: Package) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _component(package: Package) -> dict[str, Any]:
    properties = [{"name": "evenhand:lock", "value": group} for group in package.groups]
    if package.marker:
        properties.append({"name": "evenhand:marker", "value": package.marker})
    return {
        "type": "library",
        "bom-ref": _purl(package),
        "name": package.name,
        "version": package.version,
        "scope": "required" if CORE in package.groups else "optional",
        "licenses": [{"expression": package.licence}],
        "purl": _purl(package),
        "properties": properties,
    }


def _dependencies(root: str, packages: Sequence[Package]) -> Iterator[dict[str, Any]]:
    yield {"ref": root, "dependsOn": [_purl(p) for p in packages if "" in p.needed_by]}
    for package in packages:
        needs = [_purl(p) for p in packages if package.name in p.needed_by]
        yield {"ref": _purl(package), "dependsOn": needs}


if __name__ == "__main__":
    main()
