"""The demo's two projects: small Python packages with a month of history, made with ``git fast-import``."""

from __future__ import annotations

import os

from gastown_core.errors import GitError
from gastown_core.model.record import Record
from gastown_core.process import run

DAY_S = 86400


class Project(Record):
    """A project: its name and its commits as (subject, {file: text}), oldest first."""

    name: str
    commits: tuple[tuple[str, dict[str, str]], ...]


AUTHORS = (("Ana Ruiz", "ana@example.org"), ("Bo Lind", "bo@example.org"), ("Chi Okafor", "chi@example.org"))

_CART = '''"""The basket a customer fills."""

from dataclasses import dataclass, field


@dataclass
class Cart:
    """Lines of (article, count)."""

    lines: dict[str, int] = field(default_factory=dict)

    def add(self, article: str, count: int = 1) -> None:
        self.lines[article] = self.lines.get(article, 0) + count
'''

_CART_TOTAL = (
    _CART
    + """
    def total_cents(self, prices: dict[str, int]) -> int:
        return sum(prices[article] * count for article, count in self.lines.items())
"""
)

_CATALOGUE = '''"""What is for sale."""

PRICES = {"tea": 450, "cup": 1200, "kettle": 3900, "spoon": 300}


def search(text: str) -> list[str]:
    """Articles whose name holds the text."""
    return sorted(name for name in PRICES if text.lower() in name)
'''

_CHECKOUT = '''"""From basket to order."""

from shop.cart import Cart
from shop.catalogue import PRICES


def place_order(cart: Cart, email: str) -> dict[str, object]:
    """An order with its sum in cents."""
    if not cart.lines:
        raise ValueError("the basket is empty")
    return {"email": email, "lines": dict(cart.lines), "sum": cart.total_cents(PRICES)}
'''

_INVOICE = '''"""Invoices and their lines."""

from dataclasses import dataclass


@dataclass
class Line:
    """One position; cents, net."""

    text: str
    cents: int


def net(lines: list[Line]) -> int:
    """Sum of all positions."""
    return sum(line.cents for line in lines)
'''

_TAX = '''"""Value added tax."""

RATES = {"de": 19, "fr": 20, "se": 25}


def gross(cents: int, country: str) -> int:
    """Net plus tax, rounded to the cent."""
    return cents + round(cents * RATES[country] / 100)
'''

_REMIND = '''"""Reminders for unpaid invoices."""


def is_due(days_open: int, reminders: int) -> bool:
    """A first reminder after 14 days, then every 7."""
    return days_open >= 14 + 7 * reminders
'''


_RUN_TESTS = '''"""Run every test function under tests/, one line each; exit code 1 if one fails."""

import importlib.util
import pathlib
import sys
import time
import traceback

failed = 0
for path in sorted(pathlib.Path("tests").glob("test_*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, ".")
    spec.loader.exec_module(module)
    for name in [name for name in dir(module) if name.startswith("test_")]:
        time.sleep(0.4)  # as tests do, these take their time
        try:
            getattr(module, name)()
            print(f"ok    {path}::{name}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {path}::{name}", flush=True)
            traceback.print_exc(limit=-1)
print(f"{failed} failed" if failed else "all is well")
sys.exit(bool(failed))
'''


def _notes(name: str, count: int) -> str:
    return f"# Changes of {name}\n\n" + "".join(f"- change {n}\n" for n in range(1, count + 1))


SHOP = Project(
    "shop",
    (
        (
            "Begin",
            {"README.md": "# shop\n\nA small web shop.\n", "shop/__init__.py": "", "run_tests.py": _RUN_TESTS},
        ),
        ("Add a basket", {"shop/cart.py": _CART}),
        (
            "Test the basket",
            {
                "tests/test_cart.py": "from shop.cart import Cart\n\n\ndef test_add():\n    cart = Cart()\n    cart.add('tea')\n    assert cart.lines == {'tea': 1}\n"
            },
        ),
        ("Put four articles on sale", {"shop/catalogue.py": _CATALOGUE}),
        ("Sum up the basket", {"shop/cart.py": _CART_TOTAL}),
        ("Place orders", {"shop/checkout.py": _CHECKOUT}),
        ("Write down changes", {"CHANGES.md": _notes("shop", 4)}),
        (
            "Test the checkout",
            {
                "tests/test_checkout.py": "from shop.cart import Cart\nfrom shop.checkout import place_order\n\n\ndef test_empty():\n    try:\n        place_order(Cart(), 'a@b.c')\n    except ValueError:\n        return\n    assert False, 'an empty basket was ordered'\n"
            },
        ),
        *((f"Keep the notes: change {n}", {"CHANGES.md": _notes("shop", n)}) for n in range(5, 17)),
    ),
)

BILLING = Project(
    "billing",
    (
        (
            "Begin",
            {
                "README.md": "# billing\n\nInvoices, tax and reminders.\n",
                "billing/__init__.py": "",
                "run_tests.py": _RUN_TESTS,
            },
        ),
        ("Add invoices", {"billing/invoice.py": _INVOICE}),
        ("Add tax", {"billing/tax.py": _TAX}),
        (
            "Test tax",
            {
                "tests/test_tax.py": "from billing.tax import gross\n\n\ndef test_gross():\n    assert gross(1000, 'fr') == 1200\n"
            },
        ),
        ("Remind people", {"billing/remind.py": _REMIND}),
        ("Write down changes", {"CHANGES.md": _notes("billing", 3)}),
        *((f"Keep the notes: change {n}", {"CHANGES.md": _notes("billing", n)}) for n in range(4, 14)),
    ),
)

PROJECTS = (SHOP, BILLING)


def make_repository(project: Project, path: str, now: float) -> None:
    """Create a bare repository at ``path`` with the project's history, ending yesterday. Raises GitError."""
    if os.path.isdir(path):
        return
    for argv, data in (
        (["git", "init", "--quiet", "--bare", "--initial-branch=main", path], None),
        (["git", "-C", path, "fast-import", "--quiet"], _stream(project, now)),
    ):
        done = run(argv, stdin=data)
        if done.code:
            raise GitError(f"cannot make the repository {project.name}", done.err.strip())


def _stream(project: Project, now: float) -> bytes:
    parts: list[bytes] = []
    count = len(project.commits)
    for number, (subject, files) in enumerate(project.commits):
        name, email = AUTHORS[number % len(AUTHORS)]
        when = int(now - DAY_S - (count - number) * DAY_S * 30 / count)
        who = f"{name} <{email}> {when} +0000"
        message = subject.encode()
        parts.append(f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode() + message)
        for path, text in files.items():
            data = text.encode()
            parts.append(f"\nM 100644 inline {path}\ndata {len(data)}\n".encode() + data)
        parts.append(b"\n")
    return b"".join(parts)
