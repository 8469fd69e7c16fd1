"""Enumerations of strings with the syntax of ``enum.StrEnum`` at a fraction of its start-up cost.

``import enum`` costs a command 5 ms, a third of a bare Python: it brings ``functools``, ``collections`` and ``operator``.
The type checker sees ``enum.StrEnum``.
"""

from __future__ import annotations

__all__ = ["StringEnum"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import StrEnum as StringEnum
else:

    class _Members(type):
        """Turns a class body of ``NAME = "value"`` into members, in order; they cannot be set afterwards."""

        def __new__(mcs, name, bases, body):
            values = {key: body.pop(key) for key in list(body) if isinstance(body[key], str) and key.isupper()}
            made = super().__new__(mcs, name, bases, body)
            members = {value: str.__new__(made, value) for value in values.values()}
            type.__setattr__(made, "_members", members)
            for key, value in values.items():
                members[value].name = key
                type.__setattr__(made, key, members[value])
            return made

        def __call__(cls, value):
            try:
                return cls._members[value]
            except KeyError:
                raise ValueError(f"{value!r} is not a valid {cls.__name__}") from None

        def __iter__(cls):
            return iter(cls._members.values())

        def __len__(cls):
            return len(cls._members)

        def __contains__(cls, value):
            return value in cls._members

        def __setattr__(cls, name, value):
            raise AttributeError(f"the members of {cls.__name__} cannot be set")

    class StringEnum(str, metaclass=_Members):
        """Base of enumerations: a member is a string with ``name`` and ``value``, one object per value."""

        @property
        def value(self):
            """The member as a plain string."""
            return str(self)

        def __str__(self):
            return str.__str__(self)

        def __repr__(self):
            return f"<{type(self).__name__}.{self.name}: {str(self)!r}>"

        def __reduce__(self):
            return (type(self), (str(self),))

        def __copy__(self):
            return self

        def __deepcopy__(self, memo):
            return self
