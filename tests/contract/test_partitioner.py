"""Our partitions are those of the clients that write beside us."""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.record import partition_of


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40), st.integers(1, 64))
def test_a_key_goes_where_the_default_partitioner_sends_it(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)
    assert partition_of(key, partitions) == (reference(key) & 0x7FFFFFFF) % partitions
