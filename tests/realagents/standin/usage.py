"""The tokens that each answer claims to have cost: every answer its own figures, so that a sum shows what was counted.

The protocols mean different things by the same words: Anthropic's input leaves out what came from the cache or went
into it, OpenAI's and Gemini's includes what was read from it; Gemini's output leaves out the thoughts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Served:
    """Input that was neither read from the cache nor written to it, both of those, and output with its thoughts."""

    fresh: int = 1000
    read: int = 0
    written: int = 0
    out: int = 42
    thoughts: int = 0

    @classmethod
    def of(cls, number: int) -> Served:
        """The figures of a world's answer with that number."""
        return cls(1000 + 7 * number, 300 + 11 * number, 40 + 13 * number, 20 + 17 * number, 3 + number)

    def as_json(self) -> dict[str, int]:
        """For the log."""
        return asdict(self)

    def anthropic(self) -> dict[str, Any]:
        """``usage`` of a message."""
        told = {"input_tokens": self.fresh, "output_tokens": self.out}
        return told | {"cache_creation_input_tokens": self.written, "cache_read_input_tokens": self.read}

    @property
    def prompt(self) -> int:
        """All input: these protocols tell of nothing that is written to a cache."""
        return self.fresh + self.read

    def chat(self) -> dict[str, Any]:
        """``usage`` of a chat completion."""
        return {
            "prompt_tokens": self.prompt,
            "prompt_tokens_details": {"cached_tokens": self.read},
            "completion_tokens": self.out,
            "completion_tokens_details": {"reasoning_tokens": self.thoughts},
            "total_tokens": self.prompt + self.out,
        }

    def responses(self) -> dict[str, Any]:
        """``usage`` of a response."""
        return {
            "input_tokens": self.prompt,
            "input_tokens_details": {"cached_tokens": self.read},
            "output_tokens": self.out,
            "output_tokens_details": {"reasoning_tokens": self.thoughts},
            "total_tokens": self.prompt + self.out,
        }

    def gemini(self) -> dict[str, Any]:
        """``usageMetadata`` of an answer."""
        return {
            "promptTokenCount": self.prompt,
            "cachedContentTokenCount": self.read,
            "candidatesTokenCount": self.out - self.thoughts,
            "thoughtsTokenCount": self.thoughts,
            "totalTokenCount": self.prompt + self.out,
        }
