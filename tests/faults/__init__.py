"""The fault bench: `python -m tests.faults`, or `make faults`.

Real programs on a real Kafka and PostgreSQL, load from the simulator, and faults from a schedule that a
printed seed gives. When all is healed and caught up, what must always hold is checked from outside.

- `proxy`      a way between two parts that can be delayed, cut, half-closed, or swallowed
- `schedule`   what happens when: pure, from a seed
- `catalogue`  the faults there are, and what each must show beyond the invariants
- `scene`      the product under test: started, kept alive, killed, frozen, healed
- `acts`       what each step of a schedule does to a scene
- `invariants` A to H, over journals, topic, audit views, files
- `figures`    what a fault's runs came to, as a table and as JSON
"""
