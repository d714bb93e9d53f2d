"""A lane's I/O board with a network port: pymodbus's Modbus TCP server.

    modbus_tcp.py PORT

Standard output: `ready`, then `poll` for each read of the inputs and
`coil N 0|1` for each write of a coil. Coils 0 and 1 move an arm with limit
switches at inputs 2 (up) and 3 (down).
"""

import asyncio
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

READ_DISCRETE_INPUTS = 2
WRITE_COIL = 5
inputs = {3: True}


def say(*words):
    print(*words, flush=True)


async def accessed(function, _start, address, _count, registers, values):
    if function == READ_DISCRETE_INPUTS:
        registers[0] = sum(1 << n for n, on in inputs.items() if on)
        say("poll")
    elif function == WRITE_COIL and values is not None:
        on = bool(values[0])
        say("coil", address, int(on))
        if on and address in (0, 1):
            inputs[2], inputs[3] = address == 0, address == 1


async def main():
    coils, contacts = (SimData(0, values=[False] * 16, datatype=DataType.BITS) for _ in "ci")
    holding, reading = (SimData(0, values=0, datatype=DataType.REGISTERS) for _ in "hr")
    data = ([coils], [contacts], [holding], [reading])
    board = SimDevice(id=1, simdata=data, action=accessed)
    server = ModbusTcpServer(board, address=("127.0.0.1", int(sys.argv[1])))
    await server.serve_forever(background=True)
    say("ready")
    await server.serving


asyncio.run(main())
