"""pi: whether any provider of models has a key or a log-in.

Its files lie in ``~/.pi/agent``, or where PI_CODING_AGENT_DIR says: ``auth.json`` holds log-ins and keys, ``models.json``
providers of one's own.  Without any, pi starts, says "No models available" and takes no prompt (seen in 0.73.1; the
variables are those its ``env-api-keys.js`` reads).
"""

from __future__ import annotations

import os

from gastown_core.runtimes.readiness.obstacle import (
    LOGIN,
    Obstacle,
    Readiness,
    Surroundings,
    UnreadableError,
    home_of,
    part_of,
    unreadable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_core.runtimes.preset import Preset

KEYS = tuple(
    "ANTHROPIC_OAUTH_TOKEN ANTHROPIC_API_KEY OPENAI_API_KEY AZURE_OPENAI_API_KEY DEEPSEEK_API_KEY GEMINI_API_KEY"
    " GOOGLE_CLOUD_API_KEY GROQ_API_KEY CEREBRAS_API_KEY XAI_API_KEY OPENROUTER_API_KEY AI_GATEWAY_API_KEY ZAI_API_KEY"
    " MISTRAL_API_KEY MINIMAX_API_KEY MINIMAX_CN_API_KEY MOONSHOT_API_KEY HF_TOKEN FIREWORKS_API_KEY OPENCODE_API_KEY"
    " KIMI_API_KEY CLOUDFLARE_API_KEY XIAOMI_API_KEY XIAOMI_TOKEN_PLAN_CN_API_KEY XIAOMI_TOKEN_PLAN_AMS_API_KEY"
    " XIAOMI_TOKEN_PLAN_SGP_API_KEY COPILOT_GITHUB_TOKEN GH_TOKEN GITHUB_TOKEN".split()
)
"""Variables of which one alone gives a provider its key."""
CLOUDS = tuple(
    "AWS_PROFILE AWS_ACCESS_KEY_ID AWS_BEARER_TOKEN_BEDROCK AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    " AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_WEB_IDENTITY_TOKEN_FILE GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT".split()
)
"""Variables of a cloud account, whose own files hold the key: they are not looked at."""


class PiReadiness(Readiness):
    """pi 0.73.1."""

    variables = ("PI_CODING_AGENT_DIR", *KEYS)
    unknown = ()

    def obstacles(self, preset: Preset, work_dir: str, look: Surroundings) -> list[Obstacle]:
        """The log-in alone: pi asks for no trust and has no set-up."""
        env = {**look.env, **preset.env}
        folder = _folder(env)
        if any(env.get(name) for name in (*KEYS, *CLOUDS)):
            return []
        values = []
        for name in ("auth.json", "models.json", "settings.json"):
            path = os.path.join(folder, name)
            try:
                values.append(look.json(path, has_comments=True))
            except UnreadableError as error:
                return [unreadable(path, str(error), "pi")]
        auth, models, settings = values
        if auth or part_of(models, "providers") or _has_extensions(folder, settings):
            return []
        return [
            Obstacle(
                LOGIN,
                "pi has no provider of models",
                f"{folder} holds no log-in and no key, nor does the environment: it starts, and answers nothing",
                "run pi and type /login, or export a key such as ANTHROPIC_API_KEY and start the town anew: gt down && gt up",
            )
        ]


def _folder(env: Mapping[str, str]) -> str:
    named = env.get("PI_CODING_AGENT_DIR")
    if not named:
        return os.path.join(home_of(env), ".pi", "agent")
    return os.path.join(home_of(env), named[2:]) if named.startswith("~/") else named


def _has_extensions(folder: str, settings: Mapping[str, object]) -> bool:
    """Whether extensions of a person's own are there: each may bring a provider, which only pi can tell."""
    if settings.get("extensions") or settings.get("packages"):
        return True
    try:
        return bool(os.listdir(os.path.join(folder, "extensions")))
    except OSError:
        return False


READINESS = PiReadiness()
