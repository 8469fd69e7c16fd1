"""A Reply in the words of each protocol: whole, and as a stream of events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from tests.realagents.standin.conversation import ANTHROPIC, CHAT, GEMINI, RESPONSES, Asked
from tests.realagents.standin.rules import ASK, RAW, SHELL, WRITE, Reply

Event = tuple[str, Any, float]
"""(name, data, seconds to wait afterwards)"""

PIECE_S = 0.5
_SHELLS = ("Bash", "bash", "shell", "exec_command", "run_shell_command", "local_shell", "shell_command", "exec")
_WRITERS = {"Write": ("file_path", "content"), "write": ("filePath", "content"), "write_file": ("file_path", "content")}
_GOOGLE = "type.googleapis.com/google.rpc."
_STATUS = {429: "RESOURCE_EXHAUSTED", 529: "UNAVAILABLE", 401: "UNAUTHENTICATED", 400: "INVALID_ARGUMENT"}
_KINDS = {
    429: ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
    529: ("overloaded_error", "Overloaded"),
    401: ("authentication_error", "invalid x-api-key"),
    400: ("invalid_request_error", "invalid request"),
}


def call_of(tools: tuple[str, ...], call: tuple[str, Any]) -> tuple[str, dict[str, Any]]:
    """(tool, arguments) for a call, by what the program offers."""
    kind, argument = call
    if kind == RAW:
        return argument[0], argument[1]
    if kind == SHELL:
        name = next((name for name in _SHELLS if name in tools), "Bash")
        if name == "exec_command":
            return name, {"cmd": argument}
        if name in ("shell", "local_shell"):
            return name, {"command": ["bash", "-lc", argument]}
        return name, {"command": argument, "description": "run a command"}
    if kind == WRITE:
        path, text = argument
        writer = next((name for name in _WRITERS if name in tools), "")
        if not writer:
            return call_of(tools, (SHELL, f"printf %s {json.dumps(text)} > {path}"))
        path_key, text_key = _WRITERS[writer]
        return writer, {path_key: path, text_key: text, **({"path": path} if writer == "write" else {})}
    if kind == ASK:
        choices = [{"label": "Red", "description": "the red one"}, {"label": "Blue", "description": "the blue one"}]
        question = {"question": argument, "header": "Choice", "multiSelect": False, "options": choices}
        if "ask_user" in tools and "run_shell_command" in tools:
            return "ask_user", {"questions": [{**question, "type": "choice"}]}
        if "ask_user" in tools:
            field = {"type": "string", "title": "Colour", "enum": ["Red", "Blue"]}
            schema = {"properties": {"colour": field}, "required": ["colour"]}
            return "ask_user", {"message": argument, "requestedSchema": schema}
        if "question" in tools:
            return "question", {"questions": [question]}
        if "ask" in tools:
            return "ask", {"i": "a colour", "questions": [{**question, "id": "colour"}]}
        if "request_user_input" in tools:
            return "request_user_input", {"questions": [{**question, "id": "colour"}]}
        return "AskUserQuestion", {"questions": [question]}
    raise ValueError(f"there is no call {kind!r}")


def refusal(asked: Asked, reply: Reply) -> dict[str, Any]:
    """The body of an answer with a status other than 200; Gemini reads in it whether and when to try again."""
    kind, words = _KINDS.get(reply.status, ("api_error", "error"))
    told = {"type": kind, "message": reply.text or words, "code": reply.status}
    told["status"] = _STATUS.get(reply.status, "UNKNOWN")
    if asked.protocol == GEMINI and reply.status == 429:
        again = int(reply.headers.get("retry-after", 0))
        spent = {"@type": f"{_GOOGLE}QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}
        wait = {"@type": f"{_GOOGLE}RetryInfo", "retryDelay": f"{again}s"}
        is_final = reply.headers.get("x-should-retry") == "false"
        told["details"] = [spent] if is_final else [wait] if again > 1 else []
        return {"error": told}
    return {"type": "error", "error": told, "request_id": "req_standin"}


def whole(asked: Asked, reply: Reply) -> dict[str, Any]:
    """The answer as one object, for requests that want no stream."""
    call = call_of(asked.tools, reply.call) if reply.call else None
    if asked.protocol == ANTHROPIC:
        content = [{"type": "text", "text": reply.text}] if reply.text else []
        if call:
            content.append(_tool_use(call))
        return {**_message(asked, reply), "content": content, "stop_reason": "tool_use" if call else "end_turn"}
    if asked.protocol == CHAT:
        message = {"role": "assistant", "content": reply.text, **({"tool_calls": [_chat_call(call)]} if call else {})}
        choice = {"index": 0, "finish_reason": "tool_calls" if call else "stop", "message": message}
        return {**_chat_base(asked), "object": "chat.completion", "usage": reply.served.chat(), "choices": [choice]}
    if asked.protocol == RESPONSES:
        output = _output(reply, call)
        return {**_response_base(asked), "status": "completed", "output": output, "usage": reply.served.responses()}
    return _gemini_chunk(_gemini_parts(reply.text, call), reply, "STOP")


def stream(asked: Asked, reply: Reply) -> Iterator[Event]:
    """The answer event by event."""
    call = call_of(asked.tools, reply.call) if reply.call else None
    return {ANTHROPIC: _anthropic, CHAT: _chat, RESPONSES: _responses, GEMINI: _gemini}[asked.protocol](
        asked, reply, call
    )


def wants_stream(asked: Asked) -> bool:
    """Whether the request asks for a stream."""
    return "stream" in asked.path if asked.protocol == GEMINI else bool(asked.body.get("stream"))


def _pieces(reply: Reply) -> list[tuple[str, float]]:
    if not reply.slow or not reply.text:
        return [(reply.text, 0.0)] if reply.text else []
    size = max(1, len(reply.text) // max(1, int(reply.slow / PIECE_S)))
    parts = [reply.text[at : at + size] for at in range(0, len(reply.text), size)]
    return [(part, reply.slow / len(parts)) for part in parts]


Call = tuple[str, dict[str, Any]] | None


def _anthropic(asked: Asked, reply: Reply, call: Call) -> Iterator[Event]:
    message = {**_message(asked, reply), "content": [], "stop_reason": None}
    # what it will have said is not known at its start
    message["usage"] = {**reply.served.anthropic(), "output_tokens": 1}
    yield _named({"type": "message_start", "message": message})
    number = 0
    if reply.text:
        yield _named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        for text, wait in _pieces(reply):
            delta = {"type": "text_delta", "text": text}
            yield _named({"type": "content_block_delta", "index": 0, "delta": delta}, wait)
        yield _named({"type": "content_block_stop", "index": 0})
        number = 1
    if call:
        block = {**_tool_use(call), "input": {}}
        yield _named({"type": "content_block_start", "index": number, "content_block": block})
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
        yield _named({"type": "content_block_delta", "index": number, "delta": delta})
        yield _named({"type": "content_block_stop", "index": number})
    stop = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    yield _named({"type": "message_delta", "delta": stop, "usage": {"output_tokens": reply.served.out}})
    yield _named({"type": "message_stop"})


def _named(data: dict[str, Any], wait: float = 0.0) -> Event:
    return str(data["type"]), data, wait


def _message(asked: Asked, reply: Reply) -> dict[str, Any]:
    return {
        "id": f"msg_{_id()}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "stop_sequence": None,
        "usage": reply.served.anthropic(),
    }


def _tool_use(call: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{_id()}", "name": call[0], "input": call[1]}


def _chat(asked: Asked, reply: Reply, call: Call) -> Iterator[Event]:
    base = {**_chat_base(asked), "object": "chat.completion.chunk"}

    def chunk(delta: dict[str, Any], wait: float = 0.0, end: str | None = None, **more: Any) -> Event:
        return "", {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": end}], **more}, wait

    yield chunk({"role": "assistant", "content": ""})
    for text, wait in _pieces(reply):
        yield chunk({"content": text}, wait)
    if call:
        yield chunk({"tool_calls": [_chat_call(call)]})
    yield chunk({}, 0.0, "tool_calls" if call else "stop", usage=reply.served.chat())
    yield "", "[DONE]", 0.0


def _chat_base(asked: Asked) -> dict[str, Any]:
    return {"id": f"chatcmpl-{_id()}", "created": int(time.monotonic()), "model": asked.model}


def _chat_call(call: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    function = {"name": call[0], "arguments": json.dumps(call[1])}
    return {"index": 0, "id": f"call_{_id()}", "type": "function", "function": function}


def _responses(asked: Asked, reply: Reply, call: Call) -> Iterator[Event]:
    base, output = _response_base(asked), _output(reply, call)
    events: list[Event] = [("response.created", {"response": {**base, "status": "in_progress"}}, 0.0)]
    for index, item in enumerate(output):
        events += _message_item(index, item, reply) if item["type"] == "message" else _call_item(index, item)
        events.append(("response.output_item.done", {"output_index": index, "item": item}, 0.0))
    final = {**base, "status": "completed", "output": output, "usage": reply.served.responses()}
    events.append(("response.completed", {"response": final}, 0.0))
    for number, (name, data, wait) in enumerate(events):
        yield name, {"type": name, "sequence_number": number, **data}, wait


def _message_item(index: int, item: dict[str, Any], reply: Reply) -> list[Event]:
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    start = {**item, "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    return [
        ("response.output_item.added", {"output_index": index, "item": start}, 0.0),
        ("response.content_part.added", {**place, "part": part}, 0.0),
        *(("response.output_text.delta", {**place, "delta": text}, wait) for text, wait in _pieces(reply)),
        ("response.output_text.done", {**place, "text": reply.text}, 0.0),
        ("response.content_part.done", {**place, "part": item["content"][0]}, 0.0),
    ]


def _call_item(index: int, item: dict[str, Any]) -> list[Event]:
    place = {"item_id": item["id"], "output_index": index}
    name = "response.function_call_arguments"
    start = {**item, "status": "in_progress", "arguments": ""}
    return [
        ("response.output_item.added", {"output_index": index, "item": start}, 0.0),
        (f"{name}.delta", {**place, "delta": item["arguments"]}, 0.0),
        (f"{name}.done", {**place, "arguments": item["arguments"]}, 0.0),
    ]


def _response_base(asked: Asked) -> dict[str, Any]:
    return {"id": f"resp_{_id()}", "object": "response", "created_at": 0, "model": asked.model, "output": []}


def _output(reply: Reply, call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if reply.text:
        text = {"type": "output_text", "text": reply.text, "annotations": []}
        found.append(
            {"id": f"msg_{_id()}", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
        )
    if call:
        function = {"type": "function_call", "name": call[0], "arguments": json.dumps(call[1])}
        found.append({"id": f"fc_{_id()}", "status": "completed", "call_id": f"call_{_id()}", **function})
    return found


def _gemini(asked: Asked, reply: Reply, call: Call) -> Iterator[Event]:
    for text, wait in _pieces(reply):
        yield "", _gemini_chunk([{"text": text}], reply), wait
    yield "", _gemini_chunk(_gemini_parts("", call) or [{"text": ""}], reply, "STOP"), 0.0


def _gemini_parts(text: str, call: Call) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    return parts + ([{"functionCall": {"name": call[0], "args": call[1]}}] if call else [])


def _gemini_chunk(parts: list[dict[str, Any]], reply: Reply, end: str = "") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if end:
        candidate["finishReason"] = end
    return {"candidates": [candidate], "usageMetadata": reply.served.gemini(), "modelVersion": "standin"}


def _id() -> str:
    return uuid.uuid4().hex[:20]
