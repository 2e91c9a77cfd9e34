"""What the system refused, for a person: where, what it said, and what helps against that."""

from __future__ import annotations

import errno

_HELP = {
    errno.ENOSPC: "free space",
    errno.EDQUOT: "free space of this user's quota",
    errno.EACCES: "mend its rights",
    errno.EPERM: "mend its rights",
    errno.EROFS: "make its disk writable, or use another place",
    errno.ENOTDIR: "a file is where a folder is needed: move it away",
    errno.EISDIR: "a folder is where a file is needed: move it away",
    errno.ENOENT: "bring it back, or correct its name",
    errno.EMFILE: "raise this user's limit of open files (`ulimit -n`)",
}
_OTHERWISE = "mend what the system says"


def say_system_error(error: OSError) -> str:
    """One line with the file, where the system named one."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}: {_HELP.get(error.errno or 0, _OTHERWISE)}"
