"""What several pages show: parts, forms, figures, state."""
