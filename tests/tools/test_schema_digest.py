"""The digest in the names of cached test databases."""

import pytest

from tests.support import schema_digest
from tests.support.schema_digest import digest_schema


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return the folder of a project with one migration."""
    monkeypatch.setattr(schema_digest, "ROOT", tmp_path)
    migrations = tmp_path / "orders" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "0001_initial.py").write_text("operations = []")
    return tmp_path


def test_same_sources_have_the_same_digest(project):
    assert digest_schema("17") == digest_schema("17")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("orders/migrations/0001_initial.py", "operations = [1]"),
        ("orders/migrations/0002_more.py", ""),
        ("tenants/database/postgres/policies.py", "POLICY = 1"),
    ],
)
def test_changed_migration_has_another_digest(project, path, text):
    before = digest_schema("17")
    (project / path).parent.mkdir(parents=True, exist_ok=True)

    (project / path).write_text(text)

    assert digest_schema("17") != before


def test_other_version_of_the_database_has_another_digest(project):
    assert digest_schema("17") != digest_schema("18")
