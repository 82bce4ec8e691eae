"""One file a command. Like ``audit.cli``, which lists them, they may call every package."""
