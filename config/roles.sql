-- The two roles of Till in PostgreSQL: `till_owner` owns and migrates the tables, `till_app` serves
-- and can only read and write rows. Run as a superuser; it can be run repeatedly:
--
--   OWNER_PASSWORD=... APP_PASSWORD=... psql --username=postgres --dbname=till --file=roles.sql
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['till_owner', 'till_app']) AS name
WHERE to_regrole(name) IS NULL \gexec

ALTER ROLE till_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE till_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';

SELECT format('ALTER DATABASE %I OWNER TO till_owner', current_database()) \gexec

-- Tables and functions of an older database get the new owner.
SELECT format('ALTER TABLE %I.%I OWNER TO till_owner', schemaname, tablename)
FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'till_owner' \gexec
SELECT format('ALTER FUNCTION %s OWNER TO till_owner', oid::regprocedure)
FROM pg_proc WHERE proname = 'refuse_change' AND pronamespace = 'public'::regnamespace \gexec

-- With row-level security, only LEAKPROOF functions can use an index before the policy is checked.
-- LIKE and comparisons of amounts reveal nothing about hidden rows to Till; without this, every
-- search scans all products or sales of the shop. The setting is part of the database: repeat it
-- after an upgrade by dump and restore.
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_eq(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_ge(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_le(numeric, numeric) LEAKPROOF;

-- An idle open transaction keeps its locks, for which registers would wait. Till has no
-- transactions that wait for anything but the database, so they are ended after a minute.
ALTER ROLE till_app SET idle_in_transaction_session_timeout = '1min';

-- On Citus, pass the tenant settings of a transaction on to the nodes.
SELECT format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local''', current_database())
FROM pg_extension WHERE extname = 'citus' \gexec

-- Citus creates the roles on the other machines too, but does not pass these statements on.
SELECT format('SELECT success FROM run_command_on_workers(%L)', statement)
FROM pg_extension, (VALUES
    ('ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF'),
    ('ALTER FUNCTION pg_catalog.numeric_eq(numeric, numeric) LEAKPROOF'),
    ('ALTER FUNCTION pg_catalog.numeric_ge(numeric, numeric) LEAKPROOF'),
    ('ALTER FUNCTION pg_catalog.numeric_le(numeric, numeric) LEAKPROOF'))
AS to_pass_on (statement) WHERE extname = 'citus' \gexec
