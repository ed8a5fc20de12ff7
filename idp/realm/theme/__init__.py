"""How Keycloak's sign-in pages look: like ours."""
