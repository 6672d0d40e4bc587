"""Write the files of a new resource from templates, and register it in every list of resources.

The resource has a unique name, is read by all roles and written by managers. It comes with its
model and migration, serializers, viewset, route, topics, factory, audit rows and API tests. What
else it needs, you add in these files.
"""

import argparse
import keyword
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.tools.resource.registrations import REGISTRATIONS, Registration

TEMPLATES = Path(__file__).with_name("templates")
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Where each template is written, below the root of the project.
FILES = {
    "model.py": "$app/models/$name.py",
    "serializers.py": "$app/serializers/$name.py",
    "views.py": "$app/views/$name.py",
    "factory.py": "tests/factories/$name.py",
    "audit.py": "tests/support/audit_table/$name.py",
    "test_api.py": "tests/$app/$name/test_api.py",
}


class CannotWrite(Exception):
    """The resource cannot be written; nothing has been changed."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource by its name in the singular, such as `gift_card`, and its app."""

    name: str
    app: str

    @property
    def words(self) -> dict[str, str]:
        """Return the variables of the templates: `GiftCard`, `gift-cards`, `gift cards`, ..."""
        plural = pluralize(self.name)
        return {
            "app": self.app,
            "name": self.name,
            "plural": plural,
            "class_name": "".join(part.capitalize() for part in self.name.split("_")),
            "route": self.name.replace("_", "-"),
            "path": plural.replace("_", "-"),
            "title": self.name.replace("_", " "),
            "titles": plural.replace("_", " "),
        }

    def fill(self, text: str) -> str:
        return Template(text).substitute(self.words)


def pluralize(name: str) -> str:
    """Return the English plural of most nouns: brands, categories, boxes."""
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "z", "ch", "sh")) else f"{name}s"


def write(resource: Resource, root: Path) -> list[Path]:
    """Write all files or none; return those that are new or changed."""
    ensure_possible(resource, root)
    texts = new_files(resource, root) | changed_files(resource, root)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def ensure_possible(resource: Resource, root: Path) -> None:
    """Raise CannotWrite for an invalid name, an unknown app or an existing resource."""
    if not NAME.fullmatch(resource.name) or keyword.iskeyword(resource.name):
        raise CannotWrite(f"NAME={resource.name} is not a name such as brand or gift_card.")
    if not (root / resource.app / "models").is_dir():
        raise CannotWrite(f"APP={resource.app} is not an app with models. Use orders or accounts.")
    for target in FILES.values():
        if (root / resource.fill(target)).exists():
            raise CannotWrite(f"{resource.fill(target)} exists already. Choose another NAME.")


def new_files(resource: Resource, root: Path) -> dict[Path, str]:
    """Return the text of each file that is made from a template."""
    files = {
        root / resource.fill(target): resource.fill((TEMPLATES / f"{name}.txt").read_text())
        for name, target in FILES.items()
    }
    package = root / resource.fill("tests/$app/$name/__init__.py")
    return files | {package: ""}


def changed_files(resource: Resource, root: Path) -> dict[Path, str]:
    """Return the text of each file that lists resources, with the new one."""
    texts: dict[Path, str] = {}
    for registration in REGISTRATIONS:
        path = root / resource.fill(registration.file)
        text = texts.get(path) or path.read_text(encoding="utf-8")
        texts[path] = insert(text, registration, resource)
    return texts


def insert(text: str, registration: Registration, resource: Resource) -> str:
    """Return the text with the registration inserted after the first match of its anchor.

    Raises CannotWrite if the anchor does not match: the list has changed, and the registration
    must be adapted.
    """
    anchor = re.search(registration.anchor, text, re.MULTILINE)
    if anchor is None:
        raise CannotWrite(f"{registration.file} has no line like {registration.anchor}")
    end = anchor.end()
    return f"{text[:end]}{resource.fill(registration.text)}{text[end:]}"


def finish(resource: Resource, root: Path, paths: Sequence[Path]) -> None:
    """Sort the imports, format the files, make the migration, and list the error codes."""
    python = [str(path) for path in paths if path.suffix == ".py"]
    # makemigrations must not use a configured database.
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment.pop("DATABASE_URL", None)
    ruff = [sys.executable, "-m", "ruff"]
    format_files = [*ruff, "format", "--quiet", *python]
    for command in (
        # First, because `check` refuses lines that became too long.
        format_files,
        [*ruff, "check", "--quiet", "--fix", *python],
        format_files,
        [sys.executable, "manage.py", "makemigrations", resource.app, "--name", resource.name],
        [sys.executable, "-m", "tests.tools.error_codes"],
    ):
        subprocess.run(command, cwd=root, check=True, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make resource", description=__doc__)
    parser.add_argument("--name", required=True, help="the singular, such as brand or gift_card")
    parser.add_argument("--app", required=True, help="orders or accounts")
    options = parser.parse_args()
    resource, root = Resource(options.name, options.app), Path.cwd()
    try:
        paths = write(resource, root)
    except CannotWrite as error:
        parser.exit(1, f"{error}\n")
    finish(resource, root, paths)
    for path in sorted(path.relative_to(root) for path in paths):
        print(path)  # noqa: T201
    print(f"Now: make test ARGS=tests/{resource.app}/{resource.name}, then CHANGELOG.md")  # noqa: T201


if __name__ == "__main__":
    main()
