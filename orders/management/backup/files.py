"""Creation of backup files: complete, flushed to disk and readable by their owner alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import CommandError


@contextmanager
def create_atomically(file: Path) -> Iterator[Path]:
    """Yield an empty file and give it its name when it is complete. Never overwrite a file."""
    part = file.with_name(f"{file.name}.part")
    if file.exists():
        raise CommandError(f"{file} already exists. Choose another file name.")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise CommandError(f"Cannot write {part}: {error.strerror}.") from None
    try:
        yield part
        flush_to_disk(part)
        os.link(part, file)
    except FileExistsError:
        raise CommandError(f"{file} already exists. Choose another file name.") from None
    finally:
        part.unlink()
    flush_to_disk(file.parent)


def flush_to_disk(path: Path) -> None:
    """Flush a file or directory to disk, so that it survives a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
