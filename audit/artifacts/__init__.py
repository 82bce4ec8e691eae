"""What is too long for findings: one model for each kind of artifact, with its schema's version."""
