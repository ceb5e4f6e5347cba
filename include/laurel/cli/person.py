"""Who sits at the command line: the account that the process runs under."""

from __future__ import annotations

import os
import pwd

from laurel.errors import Refused


def person() -> str:
    """The name of the account, as the machine knows it; raises :class:`Refused` where it has none.

    It is not taken from the environment: whoever may set ``USER`` is not therefore that user.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        raise Refused(
            "this account has no name, so nobody could say who decided",
            found=f"user id {number}",
            hint="run it as a person's own account, or decide in Airflow",
        ) from None
