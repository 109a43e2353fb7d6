"""Work for processes of their own: clients that ask a broker, the same journeys called directly, an observer of blocks.

Clients are as thin as clients can be (one connection each, bodies made beforehand), so that what is measured
is the broker. Times are of the system's monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from websockets.sync.client import connect

from fiducia.app import settings
from fiducia.app.home import Home
from fiducia.app.wiring import House
from fiducia.core import wire
from scripts.benches.blocks import Answered


def ask_broker(url: str, bodies: Sequence[bytes], clients: int, seconds: float, think_s: float) -> list[Answered]:
    """Have clients ask for releases and hand-overs, each one after another, for a while.

    Args:
        url: the broker's.
        bodies: requests in wire form; each is asked once, and no more when they are used up.
        clients: how many at once.
        seconds: for how long new ones are asked.
        think_s: clients pause up to this long before each request, so that they come at any time of a block.
    """

    async def all_clients() -> list[Answered]:
        waiting = list(bodies)
        until = time.monotonic() + seconds
        seeds = range(clients)
        lists = await asyncio.gather(*(_client(url, waiting, until, think_s, random.Random(each)) for each in seeds))
        return [answered for answers in lists for answered in answers]

    return asyncio.run(all_clients())


async def _client(
    url: str, waiting: list[bytes], until: float, think_s: float, chance: random.Random
) -> list[Answered]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    answers = []
    try:
        while time.monotonic() < until:
            await asyncio.sleep(chance.random() * think_s)
            if not waiting:
                break
            body = waiting.pop()
            asked = time.monotonic()
            release = orjson.loads(await _post(reader, writer, "/v1/releases", body))
            released = time.monotonic()
            await _post(reader, writer, "/v1/hand-overs", body)
            answers.append(Answered(asked, released, time.monotonic(), release["block_number"]))
    finally:
        writer.close()
    return answers


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: broker\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in headers if line.lower().startswith(b"content-length:"))
    answer = await reader.readexactly(length)
    if status.split()[1] != b"200":
        raise RuntimeError(f"a broker answered {status.decode()}: {answer.decode()}")
    return answer


def call_journeys(home: Path, member: str, bodies: Sequence[bytes], threads: int, seconds: float) -> list[Answered]:
    """Run the broker's own journeys from threads of this process, without HTTP, for a while."""
    waiting = [wire.decode_access(body) for body in bodies]
    answers: list[Answered] = []
    with House(Home(home), settings.load()) as house:
        parts = house.broker_parts(member)
        parts.mirror.catch_up()
        until = time.monotonic() + seconds

        def loop() -> None:
            while time.monotonic() < until:
                try:
                    access = waiting.pop()
                except IndexError:  # used up
                    return
                asked = time.monotonic()
                release = parts.record_release.run(access)
                released = time.monotonic()
                parts.hand_over.run(access)
                answers.append(Answered(asked, released, time.monotonic(), release.block_number))

        loops = [threading.Thread(target=loop) for _ in range(threads)]
        for each in loops:
            each.start()
        for each in loops:
            each.join()
    return answers


def watch_blocks(url: str, seconds: float) -> dict[int, float]:
    """Return when each block arrived, by number, as one who subscribed to new heads sees it."""
    arrivals: dict[int, float] = {}
    until = time.monotonic() + seconds
    with connect(url.replace("http", "ws", 1)) as socket:
        socket.send(
            orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}), text=True
        )
        socket.recv()
        while (left_s := until - time.monotonic()) > 0:
            try:
                told = orjson.loads(socket.recv(timeout=left_s))
            except TimeoutError:
                break
            arrivals[int(told["params"]["result"]["number"], 16)] = time.monotonic()
    return arrivals
