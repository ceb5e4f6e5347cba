"""Checks of a partition against its past: frozen findings of pure functions over profiles."""
