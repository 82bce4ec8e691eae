"""Many processes that append to one register, forked from one that has loaded everything.

    writers.py URL kill KILLS        one writer after another, killed after 0 to 3 entries
    writers.py URL share N SECONDS   N writers at once for so many seconds

Prints JSON: every acknowledged entry (number, digest, writer), and by writer how many.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import sys
import time


def write(url: str, pipe: int, writer: int, until: float) -> None:
    """Appends, and says so through the pipe only when ``append`` has returned."""
    from evenhand.audit.register.register import Register

    register, n = Register(url), 0
    while time.monotonic() < until:
        before = time.monotonic()
        entry = register.append("waiver", {"writer": writer, "n": n})
        n += 1
        took = time.monotonic() - before
        line = json.dumps([entry.seq, entry.digest, writer, round(took, 4)]) + "\n"
        os.write(pipe, line.encode())


def start(url: str, pipe: int, writer: int, seconds: float) -> int:
    number = os.fork()
    if number == 0:
        try:
            write(url, pipe, writer, time.monotonic() + seconds)
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"writer {writer}: {error}\n")
            os._exit(1)
    return number


def main() -> None:
    import sqlalchemy.dialects.sqlite  # noqa: F401
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: F401

    from evenhand.audit.register.register import Register

    url, mode, count = *sys.argv[1:3], int(sys.argv[3])
    if url.startswith("postgresql"):
        import psycopg  # noqa: F401
    Register(url).append("waiver", {"writer": -1, "n": 0})
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    heard: list[bytes] = []

    def listen(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([reads], [], [], left)[0]:
                heard.append(os.read(reads, 1 << 16))

    codes = []
    if mode == "kill":
        chance = random.Random(7)
        for writer in range(count):
            number = start(url, writes, writer, 60)
            wanted = b"".join(heard).count(b"\n") + chance.randrange(4)
            patience = time.monotonic() + 20
            while b"".join(heard).count(b"\n") < wanted and time.monotonic() < patience:
                listen(0.001)
            listen(chance.uniform(0, 0.012))  # into the next entry, or the first
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
    else:
        seconds = float(sys.argv[4])
        numbers = [start(url, writes, w, seconds) for w in range(count)]
        listen(seconds + 1)
        codes = [os.waitpid(n, 0)[1] for n in numbers]
    listen(0.2)
    acknowledged = [json.loads(line) for line in b"".join(heard).splitlines()]
    print(json.dumps({"acknowledged": acknowledged, "codes": codes}))


if __name__ == "__main__":
    main()
