"""The two encodings of the seeds' example URLs: Prometheus' remote write, and VictoriaLogs' JSON lines.

Remote write is a protobuf message in a snappy block.  Both formats are so small here that they are written out: the block
holds only literals, which every reader of snappy takes.
"""

from __future__ import annotations

import struct
import urllib.error
import urllib.request

from gastown_core import __version__
from gastown_core.clock import format_micros
from gastown_core.model.json_text import encode_json, encode_text
from gastown_core.telemetry.series import flat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gastown_core.telemetry.records import LogLine
    from gastown_core.telemetry.series import Figures

TIMEOUT_S = 4.0
MOST_LITERAL = 1 << 16
"""The longest literal of a block that has a length of two bytes."""
REMOTE_WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


JSON_LINES_HEADERS = {"Content-Type": "application/stream+json", "VL-Stream-Fields": "service.name,gt.rig,gt.role"}


def send_metrics(url: str, figures: Figures) -> str:
    """Send all figures by remote write; return why that failed, empty if it did not."""
    return post(url, snappy_block(write_request(figures)), REMOTE_WRITE_HEADERS)


def send_logs(url: str, lines: Iterable[LogLine]) -> str:
    """Send records as JSON lines, as VictoriaLogs takes them; return why that failed, empty if it did not."""
    rows = [encode_text(encode_json(_row(line))) for line in lines]
    return post(url, b"\n".join(rows) + b"\n", JSON_LINES_HEADERS) if rows else ""


def _row(line: LogLine) -> dict[str, object]:
    head = {"_time": format_micros(line.at), "_msg": line.body, "service.name": "gastown", **line.origin}
    return {**head, "severity": "ERROR" if line.is_error else "INFO", **line.attributes}


def post(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Send a body; return why that failed, empty if it did not."""
    agent = {"User-Agent": f"gastown/{__version__}"}
    request = urllib.request.Request(url, body, {**agent, **headers}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            answer.read(1 << 16)
    except urllib.error.HTTPError as error:
        with error:
            told = error.read(200).decode("utf-8", "replace").strip()
        return f"HTTP {error.code} {error.reason}: {told}"
    except urllib.error.URLError as error:
        reason = error.reason
        return (reason.strerror or str(reason)).lower() if isinstance(reason, OSError) else str(reason)
    except TimeoutError:
        return "no answer in time"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def write_request(figures: Figures) -> bytes:
    """Return the message ``prometheus.WriteRequest``: each series with its labels, sorted, and one value."""
    millis = int(figures.now * 1000)
    return b"".join(_field(1, _series(name, labels, value, millis)) for name, labels, value in flat(figures))


def _series(name: str, labels: tuple[tuple[str, str], ...], value: float, millis: int) -> bytes:
    told = sorted((("__name__", name), ("job", "gastown-daemon"), *((key, text) for key, text in labels if text)))
    pairs = b"".join(_field(1, _field(1, key.encode()) + _field(2, text.encode())) for key, text in told)
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(millis)
    return pairs + _field(2, sample)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message that has a length."""
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def snappy_block(data: bytes) -> bytes:
    """Return a snappy block of literals only."""
    return _varint(len(data)) + b"".join(_literals(data))


def _literals(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), MOST_LITERAL):
        part = data[start : start + MOST_LITERAL]
        # tag 61: the length less one follows in two bytes
        yield bytes((61 << 2,)) + struct.pack("<H", len(part) - 1) + part
