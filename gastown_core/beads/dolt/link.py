"""One connection to a Dolt server, opened when first used, and what its errors mean for a person.

Every call has a time limit.  A connection that broke while idle is replaced; one that broke in a transaction is not,
since what the transaction did is then unknown.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager

from gastown_core.errors import ConflictError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from gastown_core.beads.dolt.address import Address

    Row = tuple[Any, ...]

CONNECT_S, ANSWER_S = 3, 30
GREETING = (10, 255)
"""The fifth byte that a MySQL server sends first: the protocol's version, or that an error follows."""
_GONE = (0, 1053, 2006, 2013, 2014, 2055)
_BUSY = (1040, 1203, 1226)
_REFUSED = (2002, 2003, 2005)
_NOT_TRUSTED = 2026
_DENIED = (1044, 1045)
_UNKNOWN = (1049, 1051)
_RACE = (1205, 1213)
_READ_ONLY = (1290, 1792, 1836)


class UnreachableError(StoreError):
    """The server does not answer, or the connection to it broke."""


class RefusedError(StoreError):
    """The server does not know the statement, or will not run it."""


class RaceError(ConflictError):
    """Another transaction changed the same values first; nothing was written."""


class Link:
    """A connection to the database at ``address``; use it from one thread at a time."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._raw: Any = None
        self._in_transaction = False
        self.chosen = address.database

    def at(self, address: Address) -> LinkAt:
        """Return this connection as one to another database of the same server."""
        return LinkAt(self, address)

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query. Raises StoreError."""
        return self._run(sql, values)[0]

    def tell(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement; returns the number of rows that it matched. Raises StoreError."""
        return self._run(sql, values)[1]

    def tell_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run an INSERT for many rows at once; its VALUES hold only placeholders."""
        if not rows:
            return
        try:
            with self._opened().cursor() as cursor:
                cursor.executemany(sql, rows)
        except Exception as error:
            raise self._told(error) from error

    def columns(self, sql: str, values: Sequence[object] = ()) -> tuple[list[str], list[Row]]:
        """As ``ask``, with the names of the columns."""
        try:
            with self._opened().cursor() as cursor:
                cursor.execute(sql, values or None)
                return [column[0] for column in cursor.description], list(cursor.fetchall())
        except Exception as error:
            raise self._told(error) from error

    def _run(self, sql: str, values: Sequence[object]) -> tuple[list[Row], int]:
        for is_last in (False, True):
            try:
                with self._opened().cursor() as cursor:
                    count = cursor.execute(sql, values or None)
                    return list(cursor.fetchall()), count
            except Exception as error:
                told = self._told(error)
                may_help = isinstance(told, UnreachableError) and self._raw is not None and "timed out" not in told.why
                if is_last or self._in_transaction or not may_help:
                    self.close()
                    raise told from error
                self.close()
        raise AssertionError("unreachable")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block in one transaction; it is rolled back unless the block commits it, so that none is left open."""
        self.ask("START TRANSACTION")
        self._in_transaction = True
        try:
            yield
        finally:
            if self._in_transaction:
                self._roll_back()
            self._in_transaction = False

    def commit(self) -> None:
        """Commit the transaction. Raises RaceError if another one was first, UnreachableError if it is unknown."""
        self.ask("COMMIT")
        self._in_transaction = False

    def committed(self) -> None:
        """Note that a statement of the block committed the transaction."""
        self._in_transaction = False

    def _roll_back(self) -> None:
        if self._raw is None:
            return
        try:
            self._raw.rollback()
        except _errors():
            # the server rolls back what a broken connection left
            self.close()

    def close(self) -> None:
        """Close the connection; it opens again on use."""
        raw, self._raw = self._raw, None
        if raw is not None:
            try:
                raw.close()
            except _errors():
                # it is broken, and so it is closed
                pass

    def _opened(self) -> Any:
        if self._raw is None:
            self._raw = _connect(self.address)
            self.chosen = self.address.database
        return self._raw

    def _told(self, error: Exception) -> StoreError | ConflictError:
        """Return the error of the driver as one of ours."""
        return told(error, self.address)


class LinkAt(Link):
    """Another database of the server that ``base`` is connected to, over the same connection."""

    def __init__(self, base: Link, address: Address) -> None:
        super().__init__(address)
        self._base = base

    def close(self) -> None:
        """Close the connection of all."""
        super().close()
        self._base._raw = None

    def _opened(self) -> Any:
        self._raw = self._base._opened()
        if self._base.chosen != self.address.database:
            self._raw.select_db(self.address.database)
            self._base.chosen = self.address.database
        return self._raw


def _errors() -> tuple[type[Exception], ...]:
    """Return what the driver raises; it is imported, since there is a connection."""
    from pymysql.err import Error

    return OSError, Error


def _connect(address: Address) -> Any:
    try:
        import pymysql
        from pymysql.constants import FIELD_TYPE
        from pymysql.converters import conversions
    except ImportError as error:
        raise StoreError(
            f"the beads are in the database {address.name}",
            "PyMySQL is not installed",
            "install Gas Town with its extra: pip install 'gastown[dolt]'",
        ) from error
    kept = (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE, FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.DECIMAL)
    conv = {key: value for key, value in conversions.items() if key not in kept}
    options: dict[str, Any] = {"unix_socket": address.socket} if address.socket else {}
    made = pymysql.Connection(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        charset="utf8mb4",
        connect_timeout=CONNECT_S,
        read_timeout=ANSWER_S,
        write_timeout=ANSWER_S,
        autocommit=True,
        client_flag=pymysql.constants.CLIENT.FOUND_ROWS,
        conv=conv,
        defer_connect=True,
        **options,
        **_encryption(address),
    )
    opened = _greeted(address) if not address.socket else None
    try:
        made.connect(opened)
    except BaseException:
        if opened is not None:
            opened.close()
        raise
    return made


def _greeted(address: Address) -> socket.socket:
    """Return a connection on which a MySQL server has begun to speak, within the limit. Raises StoreError, OSError.

    The driver would wait for a silent one as long as for an answer.
    """
    opened = socket.create_connection((address.host, address.port), CONNECT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        begin = opened.recv(5, socket.MSG_PEEK)
    except OSError as error:
        opened.close()
        said = f"it says nothing for {CONNECT_S} s" if isinstance(error, TimeoutError) else str(error)
        raise _no_answer(address, said) from error
    if len(begin) == 5 and begin[4] not in GREETING:
        opened.close()
        raise no_dolt(address, "it does not speak the protocol of MySQL")
    return opened


def no_dolt(address: Address, why: str) -> StoreError:
    """Return the error for another program on the server's port."""
    return StoreError(
        f"the server at {address.server} is no Dolt server",
        why,
        "check the port in metadata.json and dolt-server.port; another MySQL may listen there",
    )


def _no_answer(address: Address, said: str) -> UnreachableError:
    return UnreachableError(
        f"the Dolt server {address.server} does not answer", said, "gt dolt start starts the town's server"
    )


def _encryption(address: Address) -> dict[str, Any]:
    """Return the driver's options: with TLS the server must prove its name; to this machine there is none.

    The driver would load every certificate of the system for each connection, also where it encrypts nothing.
    """
    if address.is_tls:
        from ssl import create_default_context

        return {"ssl": create_default_context()}
    return {"ssl_disabled": True} if address.is_local else {}


def told(error: Exception, address: Address) -> StoreError | ConflictError:
    """Return an error of the driver as one of ours: what, why, and what to try next."""
    if isinstance(error, StoreError | ConflictError):
        return error
    code = error.args[0] if error.args and isinstance(error.args[0], int) else -1
    said = str(error.args[1]) if len(error.args) > 1 else str(error)
    if code in _RACE or "serialization failure" in said:
        return RaceError(f"{address.name} was changed by somebody else at the same moment", said, "try again")
    if code in _READ_ONLY or "read only" in said.lower() or "read-only" in said.lower():
        return StoreError(
            f"{address.name} is read-only", said, "gt dolt status shows the server; restart it for writes"
        )
    if code == _NOT_TRUSTED or "certificate" in said.lower():
        return StoreError(
            f"the Dolt server {address.server} does not prove who it is",
            said,
            "its files or BEADS_DOLT_SERVER_TLS ask for TLS; SSL_CERT_FILE names the certificates to trust",
        )
    if code in _DENIED:
        return StoreError(
            f"the Dolt server {address.server} refuses {address.user}", said, "set BEADS_DOLT_PASSWORD to its password"
        )
    if code in _UNKNOWN:
        return StoreError(
            f"there is no database {address.name}", said, "check dolt_database in metadata.json, and the server's port"
        )
    if code in _REFUSED or isinstance(error, ConnectionRefusedError):
        return _no_answer(address, said)
    if code in _BUSY:
        return UnreachableError(f"the Dolt server {address.server} takes no more connections", said, "try again")
    if code in _GONE or isinstance(error, OSError) or type(error).__name__ in ("InterfaceError", "InternalError"):
        return UnreachableError(f"the connection to the Dolt server {address.server} broke", said, "try again")
    start, _, column = said.rpartition(" is too large for column ")
    if start:
        # the text itself may be megabytes
        return StoreError(
            f"{address.name} cannot hold it", f"a text is too long for the column {column}", "shorten it, or split it"
        )
    return RefusedError(f"the Dolt server {address.server} refused a statement", said)
