"""What people write into a model card: that which no measurement can say."""

from __future__ import annotations

from laurel.domain.config.base import Frozen


class Card(Frozen):
    """The written part of the model card of every version of a use case.

    A training does not depend on it: another sentence here trains nothing again. Each version
    keeps what was written when it was trained.

    >>> Card(intended_use="Rebook passengers early").written
    True
    """

    intended_use: str = ""
    """What the scores are for, and what is done with them."""
    users: str = ""
    """Who uses them."""
    out_of_scope: tuple[str, ...] = ()
    """What they must not be used for."""
    risks: tuple[str, ...] = ()
    """What may go wrong, and known limits that no figure shows."""
    ethics: tuple[str, ...] = ()
    """Whom a wrong score may harm, sensitive data, what was done about it."""
    recommendations: tuple[str, ...] = ()
    """What a user should do or keep in mind."""
    contact: str = ""
    """Whom to ask; the owner when left out."""

    @property
    def written(self) -> bool:
        """Whether anything is written at all."""
        return self != Card()
