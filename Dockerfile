# Production image with code and static files. All settings are environment variables
# (see docs/operations/installation.md), and the file system is read-only. Only `manage.py migrate`
# needs MIGRATE_DATABASE_URL; the server connects as a role that cannot change tables.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIND=0.0.0.0:8000

# Libraries for PDF receipts; without them, PDF requests are answered with 501. FriBiDi and fonts
# (135 MB, most of it Chinese, Japanese and Korean) for receipt printers that lack a letter; without
# them, such letters are printed as question marks.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 \
        libfribidi0 fonts-noto-core fonts-noto-mono fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/till

# Dependencies first, as they change less often than the code.
COPY config/requirements.lock config/requirements.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement config/requirements.lock

COPY . .

# Django requires the secrets for this command too. These are temporary and stored in no layer.
RUN secret() { python -c "import secrets; print(secrets.token_urlsafe(64))"; } \
    && DEBUG=off SECRET_KEY="$(secret)" JWT_SIGNING_KEY="$(secret)" \
        python manage.py collectstatic --noinput

# A numeric id, so that orchestrators can verify that the user is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "config.server"]
