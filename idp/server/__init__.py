"""Finds Keycloak and starts it beside us: for development, demonstrations and tests."""
