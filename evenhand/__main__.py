"""``python -m evenhand`` is the command ``evenhand``."""

from evenhand.audit.cli import main

main()
