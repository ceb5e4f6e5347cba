"""The embedded stack: PostgreSQL and Airflow's processes on this machine, supervised."""
