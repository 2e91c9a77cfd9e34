"""Which models versions may hold."""

from typing import cast

from vae_core.errors import ArtifactError
from vae_core.families.registry import family_of, served_families
from vae_core.families.variants import ImageModel, ServedModel


def require_served(model: ImageModel) -> ServedModel:
    """The model, where it is of a kind that versions may hold; ArtifactError for a baseline."""
    if not family_of(model).is_served:
        served = " or a ".join(each.variant for each in served_families())
        raise ArtifactError(
            f"artifact: expected a {served}, came {model.variant}, a baseline that is trained and measured but "
            "never served; train one of those"
        )
    return cast(ServedModel, model)
