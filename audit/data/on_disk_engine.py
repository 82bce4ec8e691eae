"""DuckDB as it is used here: in memory, without extensions, and without secrets of the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
}


def connected() -> duckdb.DuckDBPyConnection:
    """A new database in memory. No extension is loaded or fetched, whatever a file needs."""
    import duckdb

    return duckdb.connect(":memory:", config=_SETTINGS)
