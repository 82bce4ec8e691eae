"""How far attributions agree, drift, differ by group, and hold what they claim."""
