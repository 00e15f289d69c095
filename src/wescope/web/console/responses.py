"""Responses: what OpenAPI says of pages and of forms."""

from wescope.web.schemas import Responses, text_response

PAGE = "text/html"
_TEXTS = {
    400: "The provider's word is not believed; the page says why.",
    401: "Nobody is signed in; the page says how.",
    403: "Who asks may not see or do this; the page says why.",
    404: "There is no such object; the page says so.",
    409: "What is there does not allow it now; the page says why.",
    422: "What was asked for does not fit; the page says why.",
    429: "Too many attempts; the header Retry-After says how long to wait.",
    502: "Stripe or QBO could not be asked; the page says which.",
    503: "Not now; the page says why.",
}


def page_responses(*statuses: int) -> Responses:
    """A page, or one that says what is wrong: 401, 403, 500 and these statuses."""
    wrong: Responses = {status: text_response(_TEXTS[status], PAGE) for status in sorted({401, 403, *statuses})}
    return {200: text_response("The page.", PAGE), **wrong, 500: text_response("A fault of ours.", PAGE)}


def form_responses(*statuses: int) -> Responses:
    """A form that was taken: the browser is sent to read a page; or a page that says what is wrong."""
    pages = page_responses(422, *statuses)
    del pages[200]
    return {303: {"description": "Taken; the page to read is named."}, **pages}


def redirect_responses(*statuses: int) -> Responses:
    """The browser is sent elsewhere, or reads a page that says what is wrong."""
    wrong: Responses = {status: text_response(_TEXTS[status], PAGE) for status in sorted(statuses)}
    return {
        303: {"description": "The address to go to is named."},
        **wrong,
        500: text_response("A fault of ours.", PAGE),
    }


def open_page_responses() -> Responses:
    """A page that anybody may read, or be sent from to where he can."""
    home = {"description": "There is nothing to do here; the page to read is named."}
    wrong: Responses = {422: text_response(_TEXTS[422], PAGE), 500: text_response("A fault of ours.", PAGE)}
    return {200: text_response("The page.", PAGE), 303: home, **wrong}
