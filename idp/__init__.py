"""Identity: documents by which people and companies are known."""
