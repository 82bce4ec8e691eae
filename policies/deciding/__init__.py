"""How one item of a pack is decided from findings."""
