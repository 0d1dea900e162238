"""A stand-in for ThingSpace: it sends callbacks as Verizon does, and misbehaves on demand.

It shares no code with the product: a double that shared the parser would share its mistakes.
"""
