"""Model formats: one file a format; others come in by the entry point `evenhand.model_formats`."""
