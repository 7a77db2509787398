"""The environment, read in one place.

No other module of the package looks at environment variables.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the environment says.

    Attributes:
        livekit_url: LIVEKIT_URL, the LiveKit server, such as ws://127.0.0.1:7880.
        livekit_api_key: LIVEKIT_API_KEY.
        livekit_api_secret: LIVEKIT_API_SECRET; never shown.
        home: LIVEKIT_AVATAR_HOME, the folder of downloaded models and prepared avatars.
        models_dir: LIVEKIT_AVATAR_MODELS_DIR, folders (separated like PATH) that are searched for model
            files before anything is downloaded.
        api_url: LIVEKIT_AVATAR_API_URL, where a worker is asked for a face.
        api_token: LIVEKIT_AVATAR_API_TOKEN, the key that worker wants; never shown.
        bithuman_api_url: BITHUMAN_API_URL.
        bithuman_api_secret: BITHUMAN_API_SECRET; never shown.
        bithuman_api_token: BITHUMAN_API_TOKEN; never shown.
        bithuman_model_path: BITHUMAN_MODEL_PATH, the avatar of programs written for bitHuman that name none.
        keys: LIVEKIT_AVATAR_KEYS, the keys that open the worker, separated by commas; never shown.
    """

    model_config = SettingsConfigDict(extra="ignore")

    livekit_url: str = Field(default="", validation_alias="LIVEKIT_URL")
    livekit_api_key: str = Field(default="", validation_alias="LIVEKIT_API_KEY")
    livekit_api_secret: SecretStr = Field(default=SecretStr(""), validation_alias="LIVEKIT_API_SECRET")
    home: Path = Field(
        default_factory=lambda: Path.home() / ".livekit-avatar", validation_alias="LIVEKIT_AVATAR_HOME"
    )
    models_dir: str = Field(default="", validation_alias="LIVEKIT_AVATAR_MODELS_DIR")
    api_url: str = Field(default="", validation_alias="LIVEKIT_AVATAR_API_URL")
    api_token: SecretStr = Field(default=SecretStr(""), validation_alias="LIVEKIT_AVATAR_API_TOKEN")
    bithuman_api_url: str = Field(default="", validation_alias="BITHUMAN_API_URL")
    bithuman_api_secret: SecretStr = Field(default=SecretStr(""), validation_alias="BITHUMAN_API_SECRET")
    bithuman_api_token: SecretStr = Field(default=SecretStr(""), validation_alias="BITHUMAN_API_TOKEN")
    bithuman_model_path: str = Field(default="", validation_alias="BITHUMAN_MODEL_PATH")
    keys: SecretStr = Field(default=SecretStr(""), validation_alias="LIVEKIT_AVATAR_KEYS")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read at first use (`settings.cache_clear()` reads them again)."""
    return Settings()
