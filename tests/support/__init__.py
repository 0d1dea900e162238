"""What tests on real services share. The fixtures are in `tests/conftest.py`; import the rest from here:

- `tests.support.polling.eventually`   wait for a condition, bounded, instead of sleeping
- `tests.support.database.Database`    one migrated database per test; connections and DSNs by role
- `tests.support.kafka`                `read_topic`, `TopicRecord`, topics of a test's own
- `tests.support.program.Programs`     start a product command as a real process, wait until ready, stop it
- `deploy.local.stack.Stack`           kill, freeze, stop and start the broker or the database under test
"""
