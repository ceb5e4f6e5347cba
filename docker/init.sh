#!/bin/sh
# Runs once before the rest, and again after an upgrade; every step may be repeated.
set -eu

airflow db migrate
airflow sync-perm
# refuses a store that would let two writers win
laurel store probe
airflow pools set laurel_heavy "${LAUREL_HEAVY_SLOTS:-1}" \
    "training and other work that uses many cores and much memory"

# The first account; one that is there keeps its password.
airflow users create \
    --role Admin \
    --username "${LAUREL_ADMIN_USER:?name the first account}" \
    --password "${LAUREL_ADMIN_PASSWORD:?give the first account a password}" \
    --email "${LAUREL_ADMIN_EMAIL:-${LAUREL_ADMIN_USER}@example.org}" \
    --firstname Laurel \
    --lastname Admin
