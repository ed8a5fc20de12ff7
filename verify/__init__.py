"""The truth about a file: walks, checks, policy and the report."""
