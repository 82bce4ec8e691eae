"""Letters to one person: places that are filled, reasons in words."""
