"""The case folder: evidence written once, sealed, signed and found again."""
