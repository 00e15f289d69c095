"""Where recorded data is read from: the `shared` folder beside the checkout, or WESCOPE_SHARED."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[4] / "shared"))
STRIPE_DATA = SHARED / "data" / "stripe"
needs_shared = pytest.mark.skipif(not STRIPE_DATA.is_dir(), reason="the folder with recorded data is not here")
