"""Custody of private keys: typed operations that sign meanings, and a ledger of every use."""
