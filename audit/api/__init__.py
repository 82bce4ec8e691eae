"""What ``import evenhand`` offers: the audit from Python, and what it answers, as objects."""
