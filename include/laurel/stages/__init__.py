"""Verbs: one public function per file, entered from Airflow, ``dvc repro`` or the command line."""
