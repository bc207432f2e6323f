"""What no module but a façade may do, one fault a line; tests/test_guards.py wants every line reported."""

import midstream._rust
import midstream._rust.stream
from midstream import _rust
from midstream._rust import stream
from midstream._rust.stream import Guard
