"""Files that are never half-written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from planner.errors import InputError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` in one step: readers see the old file or the new one. InputError if impossible."""
    target = path.resolve()  # a link stays a link
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced
            target.write_bytes(data)
            return
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.chmod(name, _mode(target))
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise InputError(
            f"cannot write: {error.strerror}", path=path, hint="name a file in a writable folder"
        ) from error


def _mode(target: Path) -> int:
    """Permissions of the file replaced, else what the umask gives a new one (mkstemp gives 0600)."""
    if target.exists():
        return target.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
