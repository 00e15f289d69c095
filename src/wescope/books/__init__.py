"""The accounting: pure functions from Stripe's objects to the QBO documents that should exist.

Nothing here does I/O, reads a clock or knows an SDK. Own frozen values of Stripe's objects come in (`values`),
documents and parked items go out (`documents`, `parking`), under a `policy`. `desired.desired_books` is the way in.
"""
