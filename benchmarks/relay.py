"""``python -m benchmarks.relay HOST PORT TO_PORT``: passes connections on to loopback, within a network namespace."""

import asyncio
import sys

CHUNK = 65_536


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one side is gone: the other is closed below
    finally:
        writer.close()


async def main(host: str, port: int, to_port: int) -> None:
    """Serve until killed."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
        except OSError:
            # As a machine answers whose server is down: with a reset, not with silence.
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    server = await asyncio.start_server(pass_on, host, port)
    print("relays", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
