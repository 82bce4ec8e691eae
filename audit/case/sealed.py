"""Cases that this home has sealed and not yet entered in the register.

Between the sealing and the register an audit can be cut off. ``EVENHAND_HOME/sealed/`` then holds
the case's digest with a MAC by the home's secret: a case that was edited and sealed anew in that
place is not taken for the one that was audited.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evenhand.audit.case.secret import Secret
from evenhand.audit.files.disk import write_whole

_PURPOSE = "sealed case"


@dataclass(frozen=True)
class Sealed:
    """The notes in ``folder``."""

    folder: Path
    secret: Secret

    def note(self, digest: str) -> None:
        """Says that this home is about to put a case with this digest in its place."""
        write_whole(self._place(digest), self.secret.mac(_PURPOSE, digest.encode()).encode())

    def knows(self, digest: str) -> bool:
        """Whether this home sealed a case with this digest, and has not entered it."""
        try:
            said = self._place(digest).read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return False
        return self.secret.accepts(said, _PURPOSE, digest.encode())

    def forget(self, digest: str) -> None:
        """Takes the note away: the register knows the case."""
        self._place(digest).unlink(missing_ok=True)

    def _place(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")
