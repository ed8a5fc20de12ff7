"""The Keycloak realm as code: what it should be, how it gets there, how it is administered."""
