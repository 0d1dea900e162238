"""What others were told, when all is healed: the last word on each operation and profile is what stands.

Read committed, and in the log itself nothing older stands behind the newest of a key.
"""

from tests.faults.invariants import Found
from tests.faults.scene import Scene
from tests.support.polling import eventually
from tests.support.told import assert_all_told, nothing_waits

TOLD_WITHIN_S = 120.0
TEXT_CHARS = 1000


async def others_were_told(scene: Scene) -> list[Found]:
    try:
        await eventually(lambda: nothing_waits(scene.database), within_s=TOLD_WITHIN_S)
        await assert_all_told(scene.stack.bootstrap, scene.topics, scene.database)
    except AssertionError as error:
        return [Found("told", str(error)[:TEXT_CHARS])]
    return []
