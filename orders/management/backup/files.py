"""A backup has its name when it is whole and on the disk, and nobody else may read it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import CommandError


@contextmanager
def create_atomically(file: Path) -> Iterator[Path]:
    """An empty file to be filled; nothing that is there already is ever written over."""
    part = file.with_name(f"{file.name}.part")
    if file.exists():
        raise CommandError(f"{file} is there already: a backup replaces nothing.")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise CommandError(f"{part} cannot be written: {error.strerror}.") from None
    try:
        yield part
        flush_to_disk(part)
        os.link(part, file)
    except FileExistsError:
        raise CommandError(f"{file} is there already: a backup replaces nothing.") from None
    finally:
        part.unlink()
    flush_to_disk(file.parent)


def flush_to_disk(path: Path) -> None:
    """What was said to be saved survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
