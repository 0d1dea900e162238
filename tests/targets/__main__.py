"""`python -m tests.targets`: both stand-ins, to try `profile-downstream` by hand; ends with a signal."""

import asyncio
import base64
import json
import signal
import sys

from aiohttp import web

from tests.targets import imiconnect, oracle

APP, KEY, USERNAME, PASSWORD = "a_635736738702976937", "key", "release-risk-cc", "password"


async def main() -> None:
    profiles = imiconnect.Profiles(KEY, {APP})
    care = oracle.Care(USERNAME, PASSWORD, {"jdoe": {"phone"}})
    profiles.watch = lambda call: print(f"imiconnect: {call}", file=sys.stderr, flush=True)
    care.watch = lambda call: print(f"oracle: {call}", file=sys.stderr, flush=True)
    runners = [web.AppRunner(made) for made in (imiconnect.application(profiles), oracle.application(care))]
    for runner in runners:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    imi_url, oracle_url = (f"http://127.0.0.1:{runner.addresses[0][1]}" for runner in runners)
    told = {
        "imiconnect": {"base_url": imi_url, "key": KEY, "app_id": APP},
        "oracle": {
            "base_url": f"{oracle_url}{care.context}",
            "username": USERNAME,
            "key_base64": base64.b64encode(PASSWORD.encode()).decode(),
            "customer": "jdoe",
        },
    }
    print(json.dumps(told), flush=True)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
    for runner in runners:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
