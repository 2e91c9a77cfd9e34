"""Streams that Hypothesis draws."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

streams = arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(2, 60)), elements=st.floats(-100, 100))
