"""The product broken on purpose: `python -m tests.mutations`, or `make mutations`.

Each mutation is one small change of the product's text, of the kind a tired person makes. It is made in a
copy of the tree; the product's programs run from there, under faults that should bring it to light, while the
bench and its checks are those of this tree. What the checks find is what would have told.

- `breaks`   the mutations: `breaks.toml`
- `copy`     a copy of the tree with one of them
- `verdicts` what became of each, as lines of JSON and as a table
"""
