"""Where keys are kept. One suite of tests holds for every store: `tests/contracts`."""
