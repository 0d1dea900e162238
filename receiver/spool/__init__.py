"""The disk queue for the time when Kafka is away: `disk_queue`, which is all that the lane knows of it.

Behind it: `words`, what is said; `frame`, one row; `tables`, the statements; `store`, the file; `folder`, the
disk; `pages` and `salvage`, the damaged file; `opening`, from folder to file; `keeper`, trouble and recovery;
`writer`, the thread. `outside` is the same from another process, for `command`.
"""
