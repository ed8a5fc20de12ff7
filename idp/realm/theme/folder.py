"""Where the theme is."""

from pathlib import Path

THEME = Path(__file__).resolve().parent / "platform"
"""A theme folder as Keycloak reads it."""
