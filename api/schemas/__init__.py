"""What the machine interface answers, as `/openapi.json` describes it."""
