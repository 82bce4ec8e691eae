"""Tables that the rules of Local Law 144 print."""

from __future__ import annotations

CROSSED = {
    ("Hispanic", "Male"): (205, 90, 0.841),
    ("Hispanic", "Female"): (190, 82, 0.827),
    ("White", "Male"): (412, 215, 1.0),
    ("Black", "Male"): (226, 95, 0.806),
    ("NHPI", "Male"): (87, 37, 0.815),
    ("Asian", "Male"): (321, 167, 0.997),
    ("AIAN", "Male"): (24, 11, 0.878),
    ("Two+", "Male"): (115, 52, 0.866),
    ("White", "Female"): (385, 197, 0.981),
    ("Black", "Female"): (164, 75, 0.876),
    ("NHPI", "Female"): (32, 15, 0.898),
    ("Asian", "Female"): (295, 135, 0.877),
    ("AIAN", "Female"): (17, 7, 0.789),
    ("Two+", "Female"): (98, 44, 0.86),
}
