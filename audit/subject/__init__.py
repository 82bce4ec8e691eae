"""What is audited: the spec, the target, the subject and its predictions."""
