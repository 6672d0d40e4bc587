# Till for production. The image holds code and static files; all settings come by environment
# (the table is in README.md), and nothing is written but to the database. It serves as a role that
# may not change tables; only `manage.py migrate` is given MIGRATE_DATABASE_URL.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIND=0.0.0.0:8000

# What draws receipts as PDF; without it all else works, and PDF is refused with 501.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/till

# The dependencies first: they change less often than the code.
COPY config/requirements.lock config/requirements.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement config/requirements.lock

COPY . .

# Django wants its secrets even for this; these two exist for one command and stay in no layer.
RUN secret() { python -c "import secrets; print(secrets.token_urlsafe(64))"; } \
    && DEBUG=off SECRET_KEY="$(secret)" JWT_SIGNING_KEY="$(secret)" \
        python manage.py collectstatic --noinput

# A number and not a name, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "--config", "config/gunicorn.py"]
