"""What no route answers: an unknown path, another method, a parameter out of bounds, a mistake of ours."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from deploy.serving.errors import Problem
from deploy.serving.http.refusals import Refusals
from deploy.serving.http.visit import sane_request_id


def answer_the_stray(app: FastAPI, refusals: Refusals) -> None:
    """Let every such answer have the form of all other problems."""

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> Response:
        methods = {path: sorted(each.upper() for each in item) for path, item in app.openapi()["paths"].items()}
        path, method = str(request.scope["path"]), request.method
        if error.status_code == 405 and path in methods:
            told = f"{path} does not take {method[:20]}: expected {' or '.join(methods[path])}"
        elif error.status_code == 404:
            told = f"there is no {path[:100]!r}: expected one of {', '.join(methods)}; /docs describes them"
        else:
            told = str(error.detail)
        response = refusals.refuse(request, Problem(error.status_code, told))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def refuse_parameter(request: Request, error: RequestValidationError) -> Response:
        problem = error.errors()[0]
        told = f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}; came {problem['input']!r}"
        return refusals.refuse(request, Problem(400, told), route=request.url.path)

    @app.exception_handler(Exception)
    async def own_mistake(request: Request, error: Exception) -> Response:
        told = f"the service failed ({type(error).__name__}), which is its own mistake: its log says where"
        # the route counted it, as it counts all of its own; uvicorn closes the connection after it
        return refusals.say(sane_request_id(request.headers.get("x-request-id")), Problem(500, told, close=True))
