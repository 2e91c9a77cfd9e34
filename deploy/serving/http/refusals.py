"""How a problem is answered: one form, under the id of its request, whoever found it."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from deploy.serving.config import ServingConfig
from deploy.serving.errors import Problem
from deploy.serving.http.answers import ProblemAnswer
from deploy.serving.http.departure import Departure
from deploy.serving.http.linger import LINGER_BODIES, LastResponse
from deploy.serving.http.visit import sane_request_id
from deploy.serving.metrics import Metrics


class Refusals:
    """Writes the answers that are no results."""

    def __init__(self, config: ServingConfig, metrics: Metrics, departure: Departure) -> None:
        self._config, self._metrics, self._departure = config, metrics, departure

    def say(self, request_id: str, problem: Problem) -> Response:
        """Write what a problem is."""
        response = json_response(ProblemAnswer(request_id=request_id, detail=str(problem)), problem.status)
        response.headers["X-Request-Id"] = request_id
        if problem.status == 503:
            response.headers["Retry-After"] = str(self._config.retry_after_s)
        if problem.close:
            most_bytes = LINGER_BODIES * self._config.max_body_bytes
            return LastResponse(response, self._departure, most_bytes=most_bytes)
        return response

    def refuse(self, request: Request, problem: Problem, *, route: str = "") -> Response:
        """Answer and count a request that no route took; `route` only where it is one of ours."""
        # no other path becomes a label of the metric: whoever likes would fill the memory with them
        self._metrics.requests.labels(route, "", str(problem.status)).inc()
        return self.say(sane_request_id(request.headers.get("x-request-id")), problem)


def json_response(body: BaseModel, status: int = 200) -> Response:
    """Let pydantic write a body, several times faster than the standard library's JSON."""
    return Response(body.model_dump_json(), status_code=status, media_type="application/json")
