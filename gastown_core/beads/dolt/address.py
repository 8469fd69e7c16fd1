"""Where the beads of a folder are served: host, port and database, from the town's own files and the environment.

The order is that of the Go tools: environment, the running server's ``dolt-server.port``, ``metadata.json``,
``config.yaml``, then what the town says of its server.  A database is only taken from the environment if the folder
names none: a variable inherited from another town must not lead to that town's beads.
"""

from __future__ import annotations

import os

from gastown_core.beads.discovery import metadata_of, town_above
from gastown_core.beads.settings import read_settings
from gastown_core.errors import SettingsError
from gastown_core.files.plain import open_plain
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

HOST, PORT, USER = "127.0.0.1", 3307, "root"
LOCAL = ("127.0.0.1", "localhost", "::1")
DATA = ".dolt-data"
"""The folder of a town that holds its databases, one folder each."""
STATE = os.path.join("daemon", "dolt-state.json")
_PORT_KEYS = ("BEADS_DOLT_SERVER_PORT", "BEADS_DOLT_PORT", "GT_DOLT_PORT")


class Address(Record):
    """A database on a server; ``socket`` replaces host and port, ``project`` is the identity it must have."""

    host: str
    port: int
    user: str
    password: str
    database: str
    socket: str = ""
    is_tls: bool = False
    project: str = ""

    @property
    def server(self) -> str:
        """The server, as a person names it."""
        return self.socket or f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether the connection stays on this machine."""
        return bool(self.socket) or self.host in LOCAL

    @property
    def name(self) -> str:
        """The database and its server."""
        return f"{self.database} on {self.server}"


def address_of(beads_dir: str, env: Mapping[str, str] | None = None) -> Address:
    """Return where the folder's beads are served. Raises SettingsError for a port that is none."""
    env = os.environ if env is None else env
    metadata = metadata_of(beads_dir)
    settings = read_settings(beads_dir)
    town = town_above(beads_dir)
    return Address(
        _first(env, ("BEADS_DOLT_SERVER_HOST", "GT_DOLT_HOST"))
        or _text(metadata, "dolt_server_host")
        or settings.get("dolt.host", "")
        or HOST,
        _port(beads_dir, town, env, metadata, settings),
        _first(env, ("BEADS_DOLT_SERVER_USER", "GT_DOLT_USER"))
        or _text(metadata, "dolt_server_user")
        or settings.get("dolt.user", "")
        or USER,
        _first(env, ("BEADS_DOLT_PASSWORD", "GT_DOLT_PASSWORD")),
        _text(metadata, "dolt_database") or env.get("BEADS_DOLT_SERVER_DATABASE", "") or "beads",
        env.get("BEADS_DOLT_SERVER_SOCKET", "") or _text(metadata, "dolt_server_socket"),
        env.get("BEADS_DOLT_SERVER_TLS", "").lower() in ("1", "true") or metadata.get("dolt_server_tls") is True,
        _text(metadata, "project_id"),
    )


def town_port(town: str, env: Mapping[str, str] | None = None) -> int:
    """Return the port of the server that a town owns. Raises SettingsError for a port that is none."""
    return _port(os.path.join(town, ".beads"), town, os.environ if env is None else env, {}, {})


def _port(
    beads_dir: str, town: str, env: Mapping[str, str], metadata: Mapping[str, Any], settings: Mapping[str, str]
) -> int:
    for key in _PORT_KEYS:
        if env.get(key):
            return _number(env[key], f"the variable {key}")
    places: list[tuple[object, str]] = []
    folders = dict.fromkeys((beads_dir, os.path.join(town, ".beads") if town else beads_dir))
    for folder in folders:
        path = os.path.join(folder, "dolt-server.port")
        places.append((_line_of(path), path))
    places.append((metadata.get("dolt_server_port"), f"dolt_server_port in {beads_dir}/metadata.json"))
    places.append((settings.get("dolt.port"), f"dolt.port in {beads_dir}/config.yaml"))
    for value, where in places:
        if value:
            return _number(value, where)
    return _port_of_town(town) if town else PORT


def _port_of_town(town: str) -> int:
    """Return the port in the files with which a town runs its server."""
    path = os.path.join(town, DATA, "config.yaml")
    named = read_settings(os.path.dirname(path)).get("listener.port")
    if named:
        return _number(named, path)
    for path, keys in (
        (os.path.join(town, "mayor", "daemon.json"), ("env", "GT_DOLT_PORT")),
        (os.path.join(town, STATE), ("port",)),
    ):
        value: Any = _read(path)
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value:
            return _number(value, path)
    return PORT


def _number(value: object, where: str) -> int:
    text = str(value).strip()
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise SettingsError(f"{text!r} is no port", where, "set it to the port of the Dolt server, such as 3307")


def _read(path: str) -> dict[str, Any]:
    from gastown_core.files.atomic import read_json

    try:
        return read_json(path) or {}
    except SettingsError:
        return {}


def _line_of(path: str) -> str:
    try:
        with open(open_plain(path), encoding="utf-8", errors="replace") as handle:
            return handle.readline().strip()
    except OSError:
        return ""


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _first(env: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((env[key] for key in keys if env.get(key)), "")
