"""seeds/ → one immutable, hashed Catalog; every fault with file, key and reason, all at once.

Each kind of seed has its module here with `read(sources, faults)`, which gives its part and
notes what is wrong. The user's own directory is laid over the shipped one, entry by entry.
"""

from __future__ import annotations
