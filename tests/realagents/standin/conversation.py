"""The content of a request, in any of the four protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ANTHROPIC, CHAT, RESPONSES, GEMINI = "anthropic", "chat", "responses", "gemini"

USER, CALL, RESULT, MODEL = "user", "call", "result", "model"
"""Who a turn is from: a person (or what the program says in a person's place), the model's calls, their results, its text."""

_ADDED = ("<system-reminder>", "<environment_context", "<user_instructions", "# AGENTS.md", "<permissions", "<skills")
_ADDED_TOO = ("<INSTRUCTIONS", "<session_context", "<hook_context", "<turn_aborted", "<collaboration_mode")
ADDED = _ADDED + _ADDED_TOO
"""How a text begins that the program put beside what was typed."""

FEEDBACK = "Stop hook feedback:\n"
"""What stands before the words with which a hook of Claude Code keeps a turn from its end: a queued nudge, for one."""


@dataclass(frozen=True)
class Asked:
    """One request: ``user`` is the last text that was typed, ``done`` the calls made since, ``results`` what came of them.

    ``said`` is every text in a user turn and in words of the program between turns; ``attempt`` counts equal requests from 1.
    """

    protocol: str
    key: str
    path: str
    model: str
    tools: tuple[str, ...]
    system: str
    turns: tuple[tuple[str, str], ...]
    said: tuple[str, ...]
    conversation: str
    attempt: int = 1
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def user(self) -> str:
        """The last text that was typed; empty if none was."""
        return self.turns[self._last][1] if self._last >= 0 else ""

    @property
    def done(self) -> int:
        """How many calls the model has made since."""
        return sum(kind == CALL for kind, _ in self.turns[self._last + 1 :])

    @property
    def results(self) -> list[str]:
        """What came of those calls."""
        return [text for kind, text in self.turns[self._last + 1 :] if kind == RESULT]

    @property
    def is_main(self) -> bool:
        """Whether it belongs to the conversation itself; titles, summaries and checks bring no tools."""
        return len(self.tools) > 1

    @property
    def _last(self) -> int:
        return max((number for number, (kind, _) in enumerate(self.turns) if kind == USER), default=-1)


def protocol_of(path: str) -> str:
    """Which protocol a path belongs to; empty for none."""
    for words, protocol in (
        ("/messages", ANTHROPIC),
        ("/chat/completions", CHAT),
        ("/responses", RESPONSES),
        ("enerateContent", GEMINI),
    ):
        if words in path:
            return protocol
    return ""


def read(path: str, key: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
    """The request as an Asked."""
    protocol = protocol_of(path)
    system, turns, said, tools = _READERS[protocol](body)
    first = next((text for kind, text in turns if kind == USER), "")
    name = _conversation(body, headers) or f"{hash(first):x}"
    model = str(body.get("model") or path)
    return Asked(protocol, key, path, model, tuple(tools), system, tuple(turns), tuple(said), name, body=body)


Parts = tuple[str, list[tuple[str, str]], list[str], list[str]]


def _anthropic(body: Mapping[str, Any]) -> Parts:
    system, turns, said = _text(body.get("system")), list[tuple[str, str]](), list[str]()
    for message in body.get("messages", []):
        role, parts = message["role"], _parts(message["content"])
        if role == "system":
            # in mid-conversation: what hooks added, and what was typed during a turn
            system += _text(parts)
            said += _texts(parts)
            turns += [(USER, _typed(text)) for text in _texts(parts) if FEEDBACK in text]
        elif role == "user":
            results = [part.get("content") for part in parts if part.get("type") == "tool_result"]
            if results:
                turns.append((RESULT, json.dumps(results, ensure_ascii=False)))
            _user(_texts(parts), turns, said)
        else:
            turns += [
                (CALL, str(part.get("name"))) if part.get("type") == "tool_use" else (MODEL, part.get("text", ""))
                for part in parts
            ]
    return system, turns, said, [str(tool.get("name", tool.get("type"))) for tool in body.get("tools") or []]


def _chat(body: Mapping[str, Any]) -> Parts:
    system, turns, said = "", list[tuple[str, str]](), list[str]()
    for message in body.get("messages", []):
        role, parts = message["role"], _parts(message.get("content"))
        if role in ("system", "developer"):
            system += _text(parts)
        elif role == "user":
            _user(_texts(parts), turns, said)
        elif role == "tool":
            turns.append((RESULT, _text(parts)))
        else:
            turns += [(CALL, str(call["function"]["name"])) for call in message.get("tool_calls") or []]
            turns += [(MODEL, text) for text in _texts(parts) if text]
    tools = [str(tool.get("function", {}).get("name", tool.get("name"))) for tool in body.get("tools") or []]
    return system, turns, said, tools


def _responses(body: Mapping[str, Any]) -> Parts:
    system, turns, said = str(body.get("instructions") or ""), list[tuple[str, str]](), list[str]()
    items = body.get("input", [])
    for item in items if isinstance(items, list) else [{"role": "user", "content": items}]:
        kind = item.get("type", "message")
        if kind == "message":
            texts = _texts(_parts(item["content"]))
            if item["role"] == "user":
                _user(texts, turns, said)
            elif item["role"] in ("system", "developer"):
                system += "\n".join(texts)
            else:
                turns += [(MODEL, text) for text in texts]
        elif kind.endswith("_call"):
            turns.append((CALL, str(item.get("name"))))
        elif kind.endswith("_output"):
            turns.append((RESULT, str(item.get("output"))))
    return system, turns, said, [str(tool.get("name", tool.get("type"))) for tool in body.get("tools") or []]


def _gemini(body: Mapping[str, Any]) -> Parts:
    turns, said = list[tuple[str, str]](), list[str]()
    system = "".join(str(part.get("text", "")) for part in (body.get("systemInstruction") or {}).get("parts", []))
    for content in body.get("contents", []):
        texts = []
        for part in content.get("parts", []):
            if "functionCall" in part:
                turns.append((CALL, str(part["functionCall"]["name"])))
            elif "functionResponse" in part:
                turns.append((RESULT, json.dumps(part["functionResponse"], ensure_ascii=False)))
            elif "text" in part:
                texts.append(str(part["text"]))
        if content.get("role") == "user":
            _user(texts, turns, said)
        else:
            turns += [(MODEL, text) for text in texts]
    tools = [str(one["name"]) for tool in body.get("tools") or [] for one in tool.get("functionDeclarations", [])]
    return system, turns, said, tools


_READERS = {ANTHROPIC: _anthropic, CHAT: _chat, RESPONSES: _responses, GEMINI: _gemini}


def _user(texts: list[str], turns: list[tuple[str, str]], said: list[str]) -> None:
    """Take down a user turn: all of it in ``said``, what was typed in ``turns``.

    Prompts that got no answer come in one turn with the next one, each as a text of its own.
    """
    said += texts
    turns += [(USER, typed) for text in texts if (typed := _typed(text))]


def _typed(text: str) -> str:
    """What somebody typed; empty if the program put it there by itself."""
    if FEEDBACK in text:
        return text.rpartition(FEEDBACK)[2].removesuffix("</system-reminder>").strip()
    return text if text.strip() and not text.lstrip().startswith(ADDED) else ""


def _conversation(body: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The program's own id of the conversation; empty where it sends none."""
    for name in ("x-claude-code-session-id", "session_id", "session-id", "conversation_id"):
        if headers.get(name):
            return headers[name]
    metadata = body.get("metadata")
    told = metadata.get("user_id") if isinstance(metadata, dict) else None
    return str(told or body.get("prompt_cache_key") or "")


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content or [] if isinstance(part, dict)]


def _texts(parts: Any) -> list[str]:
    return list(_each_text(_parts(parts)))


def _each_text(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if part.get("type") in ("text", "input_text", "output_text", None):
            yield str(part.get("text", ""))


def _text(content: Any) -> str:
    return "\n".join(_texts(content))
