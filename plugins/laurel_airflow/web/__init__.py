"""Laurel's pages in Airflow: champions, decisions, reports; for logged-in users only."""
