"""Laurel: batch machine learning whose every run can be reproduced and every decision opened."""

__version__ = "0.1.0"
