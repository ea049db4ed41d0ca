"""A real OpenID provider as a process that can be told to misbehave: ``python -m tests.support.oidc_server``.

Prints its address. ``POST /fault/NAME`` chooses what goes wrong with the next ID tokens; ``none`` mends it.
"""

import time
import warnings
from typing import Any

warnings.simplefilter("ignore")

import uvicorn  # noqa: E402 (after the filter above)
from asgiref.wsgi import WsgiToAsgi  # noqa: E402 (after the filter above)
from authlib import jose  # noqa: E402 (after the filter above)
from oidc_provider_mock import _app  # noqa: E402 (after the filter above)
from typing_extensions import override  # noqa: E402 (after the filter above)

fault = {"name": "none"}
other_key = jose.JsonWebKey.generate_key("RSA", 2048, is_private=True)
sound_config = _app.OpenIDCode.get_jwt_config
real_time = time.time


def config(self: Any, grant: Any, client: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = sound_config(self, grant, client)
    match fault["name"]:
        case "signature":
            found["key"] = {**other_key.as_dict(is_private=True), "kid": found["key"]["kid"]}
        case "unknown_key":
            found["key"] = {**other_key.as_dict(is_private=True), "kid": "nobody"}
        case "issuer":
            found["iss"] = "https://somebody.example"
        case "expired":
            found["exp"] = -3600
    return found


def audiences(self: Any, request: Any) -> list[str]:
    return ["somebody-else"] if fault["name"] == "audience" else [request.client.get_client_id()]


_app.OpenIDCode.get_jwt_config = config
_app.OpenIDCode.get_audiences = audiences
time.time = lambda: real_time() + (3600 if fault["name"] == "clock" else 0)

app = _app.app()


@app.post("/fault/<name>")  # type: ignore[untyped-decorator] # the provider carries no types
def choose(name: str) -> str:
    fault["name"] = name
    return name


class Told(uvicorn.Server):
    """Says its address once it listens."""

    @override
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    asgi = WsgiToAsgi(app)  # type: ignore[no-untyped-call] # asgiref's
    Told(uvicorn.Config(asgi, host="127.0.0.1", port=0, lifespan="off", log_config=None)).run()
