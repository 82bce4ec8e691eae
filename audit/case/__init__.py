"""The case folder and the register: evidence written once, sealed, signed and found again."""
