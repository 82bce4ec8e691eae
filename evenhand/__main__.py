"""The command ``evenhand``, and ``python -m evenhand``: settled before anything is imported."""

from evenhand.audit import surroundings


def main() -> None:
    """The console script."""
    surroundings.settle()
    from evenhand.audit.cli import main as run

    run()


if __name__ == "__main__":
    main()
