"""Tables of accepted images."""

from hashlib import sha256

import numpy as np
import pandas as pd


def table(rows: int = 200) -> pd.DataFrame:
    """Rows that are all as they should be."""
    rng = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "digest": [sha256(str(row).encode()).hexdigest() for row in range(rows)],
            "source": [f"shop-{row % 7}" for row in range(rows)],
            "segment": [f"replica-1/{row // 50:06d}" for row in range(rows)],
            "row": np.arange(rows) % 50,
            "width": 28,
            "height": 28,
            "channels": 1,
            "mean": rng.uniform(0.1, 0.9, rows),
            "variance": rng.uniform(0.02, 0.2, rows),
            "entropy_bits": rng.uniform(0.5, 4, rows),
        }
    )
