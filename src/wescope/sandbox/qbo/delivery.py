"""How an answer fails to arrive: no byte of it, or only the first half."""

from typing import Any

from starlette.types import Send

from wescope.sandbox.qbo.answers import Answer


def hang_up(send: Send) -> None:
    """Cuts the connection without sending anything.

    Args:
        send: uvicorn's own `send`, a method of the request's cycle, which holds the transport.
    """
    _transport(send).abort()


async def cut(send: Send, answer: Answer, headers: dict[str, str]) -> None:
    """Sends the head and half of the body, then cuts the connection.

    Args:
        send: uvicorn's own `send`.
        answer: what would have been sent.
        headers: headers beyond the content's.
    """
    every = {**headers, "content-type": answer.content_type, "content-length": str(len(answer.body))}
    raw = [(name.lower().encode(), value.encode()) for name, value in every.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    _transport(send).close()


def _transport(send: Send) -> Any:
    cycle: Any = getattr(send, "__self__", None)
    return cycle.transport
