"""What evenhand is made of: locks with hashes, licences, and the bill of materials of the wheel.

Not a part of the wheel. ``make lock`` writes what lies in ``locks/`` and docs/licences.md;
``make sbom`` describes a built wheel.
"""
