"""``python -m evenhand.trainers recipe.yaml --out FOLDER``: what ``torchrun`` starts, once a
process.

    torchrun --nproc-per-node 2 -m evenhand.trainers recipe.yaml --out models/x
"""

import sys

from evenhand.audit import surroundings

if __name__ == "__main__":
    surroundings.settle()  # before anything else is imported
    from evenhand.trainers.command import main

    sys.exit(main())
