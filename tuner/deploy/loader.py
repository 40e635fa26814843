"""Reads advice: validated, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from tuner.deploy.advice import Advice
from tuner.errors import AdviceError

SCHEMA = 1


def load(path: str | Path) -> Advice:
    """Read a configuration file that a search wrote.

    Raises:
        AdviceError: The file is missing, not YAML, or not valid advice of schema 1.
    """
    try:
        told = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise AdviceError(
            f"'{path}' cannot be read ({error.strerror}); give the config.yaml that 'tuner search' wrote."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise AdviceError(
            f"'{path}' is not valid YAML ({_one_line(error)}); write it again with 'tuner search'."
        ) from error
    if not isinstance(told, dict):
        raise AdviceError(f"'{path}' is not an advice file; give the config.yaml that 'tuner search' wrote.")
    schema = told.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise AdviceError(
            f"'{path}' has schema {schema}, this version reads {SCHEMA}; upgrade openvino-tuner."
        )
    try:
        return msgspec.convert(told, Advice)
    except msgspec.ValidationError as error:
        raise AdviceError(
            f"'{path}' is not valid advice: {error}; write it again with 'tuner search'."
        ) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
