"""The rivals: what one would write by hand, without Laurel."""
