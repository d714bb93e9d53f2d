"""A lane's I/O board: pymodbus's Modbus RTU server on a serial port.

    modbus_board.py PORT JOURNAL

Standard input: `input N 0|1` sets a discrete input. Standard output: `ready`,
then `poll BITS` for each read of the inputs and `coil N 0|1 BYTES` for each
write of a coil, BYTES being how long the journal in the directory JOURNAL was
before the write was answered. Coils 0 and 1 move an arm with limit switches at inputs 2 (up) and 3 (down).
"""

import asyncio
import os
import sys

from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

READ_DISCRETE_INPUTS = 2
WRITE_COIL = 5
ARM_UP, ARM_DOWN = 0, 1
IS_UP, IS_DOWN = 2, 3

inputs = {IS_DOWN: True}
# The beginning of a line whose end was not heard yet.
rest = [b""]


def journal_len(directory):
    try:
        with os.scandir(directory) as files:
            return sum(f.stat().st_size for f in files if f.name.endswith(".lgj"))
    except FileNotFoundError:
        return 0


def say(*words):
    print(*words, flush=True)


async def accessed(function, _start, address, _count, registers, values):
    if function == READ_DISCRETE_INPUTS:
        registers[0] = sum(1 << n for n, on in inputs.items() if on)
        say("poll", registers[0])
    elif function == WRITE_COIL and values is not None:
        on = bool(values[0])
        say("coil", address, int(on), journal_len(sys.argv[2]))
        if on and address in (ARM_UP, ARM_DOWN):
            inputs[IS_UP] = address == ARM_UP
            inputs[IS_DOWN] = address == ARM_DOWN


def told():
    # Not readline: it would keep further lines where the loop cannot see them.
    heard = os.read(sys.stdin.fileno(), 4096)
    if not heard:
        os._exit(0)
    *lines, rest[0] = (rest[0] + heard).split(b"\n")
    for line in lines:
        _, number, on = line.split()
        inputs[int(number)] = on == b"1"


async def main():
    coils, contacts = (SimData(0, values=[False] * 16, datatype=DataType.BITS) for _ in "ci")
    holding, reading = (SimData(0, values=0, datatype=DataType.REGISTERS) for _ in "hr")
    data = ([coils], [contacts], [holding], [reading])
    board = SimDevice(id=1, simdata=data, action=accessed)
    asyncio.get_running_loop().add_reader(sys.stdin, told)
    server = ModbusSerialServer(board, port=sys.argv[1], baudrate=9600)
    await server.serve_forever(background=True)
    say("ready")
    await server.serving


asyncio.run(main())
