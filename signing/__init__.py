"""Formats and cryptography: bytes in, bytes out; no clock, network, disk or database."""
