"""DP-SGD with Opacus: the dials, the plan, the wrap, the noise, the accounting."""
