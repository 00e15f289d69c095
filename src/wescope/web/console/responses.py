"""Responses: what OpenAPI says of pages and of forms."""

from wescope.web.schemas import Responses, text_response

PAGE = "text/html"
_TEXTS = {
    401: "Nobody is signed in; the page says how.",
    403: "Who asks may not see or do this; the page says why.",
    404: "There is no such object; the page says so.",
    409: "What is there does not allow it now; the page says why.",
    422: "What was asked for does not fit; the page says why.",
    502: "Stripe or QBO could not be asked; the page says which.",
    503: "Not now; the page says why.",
}


def page_responses(*statuses: int) -> Responses:
    """A page, or one that says what is wrong: 403, 500 and these statuses."""
    wrong: Responses = {status: text_response(_TEXTS[status], PAGE) for status in sorted({403, *statuses})}
    return {200: text_response("The page.", PAGE), **wrong, 500: text_response("A fault of ours.", PAGE)}


def form_responses(*statuses: int) -> Responses:
    """A form that was taken: the browser is sent to read a page; or a page that says what is wrong."""
    pages = page_responses(422, *statuses)
    del pages[200]
    return {303: {"description": "Taken; the page to read is named."}, **pages}
