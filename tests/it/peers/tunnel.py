"""The near end of a TLS tunnel, as a site would have one from stunnel.

    tunnel.py PORT TO CA

Listens on PORT of this machine and carries each connection over TLS to port TO
of localhost, whose certificate CA must have signed. Standard output: `ready`.
"""

import asyncio
import ssl
import sys


async def carry(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main():
    near, far, authority = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    context = ssl.create_default_context(cafile=authority)

    async def accepted(reader, writer):
        try:
            there = await asyncio.open_connection("localhost", far, ssl=context)
        except OSError as why:
            print("refused", why, flush=True)
            writer.close()
            return
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    server = await asyncio.start_server(accepted, "127.0.0.1", near)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
