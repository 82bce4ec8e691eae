"""``python -m evenhand`` in a folder of somebody else's: its files are not taken for modules.

Python puts the start folder before everything. Imported here are modules that it has loaded by
then. A folder called evenhand there would be taken for us before this line: where that may be, say
``evenhand``, or ``python -P -m evenhand``.
"""

import os
import sys


def _leave_the_start_folder() -> None:
    given = getattr(sys, "orig_argv", [])
    asked = given[given.index("-m") + 1 :][:1] if "-m" in given else []
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if (
        not sys.flags.safe_path
        and sys.argv[:1] == ["-m"]  # while Python looks for the module that was asked for
        and asked
        and asked[0].partition(".")[0] == "evenhand"
        and os.path.realpath(sys.path[0]) == os.path.realpath(os.curdir) != os.path.realpath(ours)
    ):
        del sys.path[0]


_leave_the_start_folder()
