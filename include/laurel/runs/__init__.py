"""Runs: what one task of Airflow, or one command, does from its inputs to its records.

A run composes stages; it is the only place that both reads and appends records.
"""
