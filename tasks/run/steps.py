"""Finished steps of a run, kept in the object store: a run that starts again does not repeat them.

Prefect's own result cache would need a storage block per object store and is pickle by default; a small JSON beside the
run's files says the same to every process that can see the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from deploy.stores.objects.port import ObjectStore

Step = TypeVar("Step", bound=BaseModel)


def step_key(run: str, step: str) -> str:
    """Key of a step's value."""
    return f"runs/{run}/{step}.json"


def finished_step(objects: ObjectStore, run: str, step: str, model: type[Step]) -> Step | None:
    """The value of a step that was finished before, or None."""
    key = step_key(run, step)
    if objects.etag(key) is None:
        return None
    return model.model_validate_json(objects.get(key).data)


def finish_step(objects: ObjectStore, run: str, step: str, value: Step) -> Step:
    """Keep the value; the first writer of a step wins, and its value is returned."""
    from deploy.stores.errors import PreconditionFailed

    try:
        objects.put(step_key(run, step), value.model_dump_json(indent=2).encode(), if_absent=True)
    except PreconditionFailed:
        return type(value).model_validate_json(objects.get(step_key(run, step)).data)
    return value
