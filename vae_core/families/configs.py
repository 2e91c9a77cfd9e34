"""Every model that can be named: which configs a version may hold, and which a training accepts.

Which config a document is of is asked of the registry, by the word `variant`; the unions are what type checkers are
told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, GetCoreSchemaHandler, SerializationInfo, ValidationError
from pydantic_core import InitErrorDetails, PydanticKnownError, core_schema

from vae_core.families.conv_ae.config import ConvAeConfig
from vae_core.families.conv_vae.config import ConvVaeConfig
from vae_core.families.family import Family
from vae_core.families.registry import FAMILIES
from vae_core.families.vq_vae.config import VqVaeConfig

UNNAMED = "conv_vae"
"""Of documents that name none: those of the release that had no other."""


@dataclass(frozen=True, slots=True)
class OfFamily:
    """A config of a registered family, as a field of a document: any of them, or of those that versions may hold."""

    served_only: bool

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(_write, info_arg=True)
        )

    @property
    def configs(self) -> tuple[type[BaseModel], ...]:
        """The configs that it may be, in the order in which their families were registered."""
        return tuple(each.config for each in self._known().values())

    def _known(self) -> dict[str, Family[Any, Any]]:
        return {word: each for word, each in FAMILIES.items() if each.is_served or not self.served_only}

    def _read(self, value: object) -> BaseModel:
        named = value.get("variant") if isinstance(value, Mapping) else getattr(value, "variant", None)
        word = str(named or UNNAMED)
        known = self._known()
        if word not in known:
            expected = ", ".join(repr(each) for each in known)
            raise PydanticKnownError(
                "union_tag_invalid", {"discriminator": "variant", "tag": word, "expected_tags": expected}
            )
        try:
            config: BaseModel = known[word].config.model_validate(value)
        except ValidationError as error:
            raise _placed_below(word, error) from error
        return config


def _placed_below(word: str, error: ValidationError) -> ValidationError:
    """The same problems, each behind the word of the family that was meant, as in any union of tagged models."""
    details = [
        InitErrorDetails(
            type=each["type"], loc=(word, *each["loc"]), input=each["input"], ctx=dict(each.get("ctx", {}))
        )
        for each in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, details)


def _write(config: BaseModel, info: SerializationInfo) -> dict[str, Any]:
    return config.model_dump(
        mode=info.mode,
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
    )


def configs_in(metadata: Iterable[object]) -> tuple[type[BaseModel], ...]:
    """The configs that a field of a document may be, by its metadata; none where it holds no config of a family."""
    return next((each.configs for each in metadata if isinstance(each, OfFamily)), ())


ModelConfig = Annotated[ConvVaeConfig | VqVaeConfig, OfFamily(served_only=True)]
"""Any model that a version may hold."""

TrainableConfig = Annotated[ConvVaeConfig | VqVaeConfig | ConvAeConfig, OfFamily(served_only=False)]
"""Any model that `train` accepts; settings, versions and plans accept a `ModelConfig` alone."""
