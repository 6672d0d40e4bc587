-- The two roles of Till in PostgreSQL: `till_owner` owns the tables and migrates them, `till_app`
-- serves and may only read and write rows. For a superuser, and harmless when it is run again:
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

-- What a database from before the two roles has already changes hands.
SELECT format('ALTER TABLE %I.%I OWNER TO till_owner', schemaname, tablename)
FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'till_owner' \gexec
SELECT format('ALTER FUNCTION %s OWNER TO till_owner', oid::regprocedure)
FROM pg_proc WHERE proname = 'refuse_change' AND pronamespace = 'public'::regnamespace \gexec

-- Row-level security lets a condition use an index only where it is known to tell nothing of rows
-- that it then hides. LIKE tells nothing of them to Till; without this every search looks through
-- all products of its shop. It holds for this database, and again after an upgrade by dump.
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;

-- A transaction that somebody has left open keeps its locks, and a till waits for them. None of
-- Till's waits for anybody but the database, so that after a minute it is given up.
ALTER ROLE till_app SET idle_in_transaction_session_timeout = '1min';

-- On a Citus cluster the machines are told whose rows are meant, as this one is.
SELECT format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local''', current_database())
FROM pg_extension WHERE extname = 'citus' \gexec
