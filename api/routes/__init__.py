"""The machine interface: one module a resource."""
