"""Pictures of findings: charts drawn as SVG, and what they are made of."""
