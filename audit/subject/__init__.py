"""What is audited: the spec, the target, the subject, its predictions and its counts."""
