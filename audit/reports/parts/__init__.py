"""What the report formats share: words, figures, safe text, and the order in which things stand."""
