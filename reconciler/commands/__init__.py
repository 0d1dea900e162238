"""The subcommands of `profile-reconciler`, one small module each: its words, its arguments, the wiring of its
parts. `reconciler.__main__` lists them; a new one needs its module and a line there.
"""
