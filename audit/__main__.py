"""``python -m audit`` is the command ``evenhand``."""

from audit.cli import main

main()
