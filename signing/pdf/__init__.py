"""Seals in PDF files: prepare, digest, embed, and read back what others hand us (ISO 32000-1)."""
