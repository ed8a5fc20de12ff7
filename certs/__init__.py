"""What an office issues and keeps: e-certificates, e-seals, X.509 for development, the register."""
