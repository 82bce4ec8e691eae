"""Pure numerical functions: counts in, estimates with intervals out. No I/O, no state."""
