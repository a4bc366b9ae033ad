"""A reader of the spool, written from docs/SPOOL.md alone, with nothing but Python's library.
Indexes are not needed for that; that they say what the records do is checked, and how many there were is said on standard error.

Prints a line for each record that is stored, by sequence: sequence, signal, class, codec, items, stream, the destinations that have not
released it, and the payload in hexadecimal digits: as it was handed over, or as it is stored if it is encrypted or a zstd frame.
"""

import gzip
import os
import struct
import sys

BLOCK = 4096
HEADER = 128
RECORD = 112


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def up(value, unit):
    return -(-value // unit) * unit


class Fields:
    """Little-endian fields, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        form = "<" + form
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values[0] if len(values) == 1 else values


def read_cursor(path):
    """The newest slot that holds; None if there is none."""
    if not os.path.exists(path):
        return None
    data = open(path, "rb").read()
    half, best = len(data) // 2, None
    for slot in (data[:half], data[half:]):
        magic, version, _, length = struct.unpack_from("<8sHHI", slot)
        if magic != b"smolcur\n" or not 44 <= length <= len(slot):
            continue
        if crc32c(slot[: length - 4]) != struct.unpack_from("<I", slot, length - 4)[0]:
            continue
        if version != 1:
            sys.exit(f"CURSOR is of version {version}")
        counter = struct.unpack_from("<Q", slot, 32)[0]
        if best is None or counter > best[0]:
            best = (counter, slot[16:32], slot[40 : length - 4])
    if best is None:
        return None
    fields = Fields(best[2])
    size, generation, watermark, next_sequence, last_origin, gaps = fields.take("IQQQQQ")
    fields.take("14Q")
    names = []
    for _ in range(fields.take("H")):
        names.append(fields.take(f"{fields.take('B')}s").decode())
        fields.take("14Q")
    segments = {}
    for _ in range(fields.take("I")):
        slot, of, kind, flags, records, items, missing, missing_items = fields.take("IQBBIQIQ")
        released = []
        for _ in names:
            first, count = fields.take("II")
            words = [fields.take("Q") for _ in range(count)]
            released.append((first, words))
        segments[slot] = (of, flags, records, released)
    assert fields.at == len(best[2])
    return {"uuid": best[1], "size": size, "generation": generation, "names": names, "segments": segments}


def is_released(released, ordinal):
    first, words = released
    if ordinal < first:
        return True
    word = (ordinal - first // 64 * 64) // 64
    return word < len(words) and words[word] >> ordinal % 64 & 1 == 1


def read_header(data, slot, size, uuid):
    """The segment header that counts."""
    best = None
    for at in (0, size - HEADER):
        raw = data[at : at + HEADER]
        if raw[:8] != b"smolseg\n" or crc32c(raw[:124]) != struct.unpack_from("<I", raw, 124)[0]:
            continue
        fields = Fields(raw[8:])
        version, kind, cipher, its_size = fields.take("HBBI")
        if version != 1:
            sys.exit(f"slot {slot} is of version {version}")
        its_uuid, generation, salt = fields.take("16sQ8s")
        its_slot, first = struct.unpack_from("<I", raw, 88)[0], struct.unpack_from("<Q", raw, 48)[0]
        if (its_size, its_slot) != (size, slot) or uuid not in (None, its_uuid):
            continue
        if best is None or generation > best["generation"]:
            best = {"class": kind, "cipher": cipher, "generation": generation, "salt": salt, "first": first}
    return best


def read_record(data, salt, at):
    """The record whose header is at this offset, if one is."""
    raw = data[at : at + RECORD]
    if at + RECORD > len(data) - HEADER or struct.unpack_from("<I", raw, 52)[0] != at:
        return None
    if crc32c(salt + raw[4:]) != struct.unpack_from("<I", raw)[0]:
        return None
    fields = Fields(raw[4:])
    length, crc, kind, signal, codec, flags, sequence, durable, ordinal = fields.take("IIBBBBQQI")
    items, offset, stream, plain = struct.unpack_from("<IIII", raw, 48)
    known = kind == 1 and 1 <= signal <= 4 and codec <= 2
    if not known or at + RECORD + length > len(data) - HEADER or ordinal > (at - HEADER) // RECORD:
        return None
    payload = data[at + RECORD : at + RECORD + length]
    boot, origin = struct.unpack_from("<Q", raw, 64)[0], raw[80:112] if flags & 1 else b""
    return {"outline": (sequence, at, length, items, signal, boot, origin, flags & 2), "ordinal": ordinal, "sequence": sequence, "signal": signal, "codec": codec, "items": items,
            "stream": stream, "payload": payload, "holds": crc32c(payload) == crc, "end": at + RECORD + length}


def walk(data, salt, known):
    """The records of a segment; known is how many it has, if that is certain."""
    at, expected = HEADER, 0
    while expected != known:
        found = next((r for r in (read_record(data, salt, p) for p in (at, up(at, BLOCK))) if r and r["ordinal"] == expected), None)
        while found is None and at + RECORD <= len(data) - HEADER:
            found = read_record(data, salt, at)
            found = found if found and found["ordinal"] >= expected else None
            at += 8
        if found is None:
            return
        yield found
        at, expected = up(found["end"], 8), found["ordinal"] + 1


def number(data, at):
    """A number in groups of seven bits, and where the next field is."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def read_index(data, header):
    """What a segment's index says of each record; None if there is none that holds."""
    end = len(data) - HEADER
    length, records, zero, crc = struct.unpack_from("<IIII", data, end - 16)
    if length > end - 16 - HEADER or zero != 0 or crc32c(header["salt"] + data[end - 16 - length : end - 4]) != crc:
        return None
    entries, at, outlines = data[end - 16 - length : end - 16], 0, []
    sequence, boot, offset = header["first"], 0, HEADER
    for _ in range(records):
        flags = entries[at]
        more, at = number(entries, at + 1)
        size, at = number(entries, at)
        items, at = number(entries, at)
        later, at = number(entries, at)
        origin = entries[at : at + 32] if flags & 8 else b""
        at += len(origin)
        sequence, boot = sequence + more, (boot + later) % 2**64
        offset = up(offset, BLOCK) if flags & 4 else offset
        outlines.append((sequence, offset, size, items, (flags & 3) + 1, boot, origin, flags >> 3 & 2))
        offset += up(RECORD + size, 8)
    assert at == len(entries)
    return outlines


def main(directory):
    cursor = read_cursor(os.path.join(directory, "CURSOR"))
    if cursor is None:
        sys.exit("CURSOR cannot be read; finding the segment size without it is left out here")
    data, size = open(os.path.join(directory, "spool.dat"), "rb").read(), cursor["size"]
    stored, indexes = {}, 0
    for slot in range(len(data) // size):
        segment = data[slot * size : (slot + 1) * size]
        header = read_header(segment, slot, size, cursor["uuid"])
        if header is None:
            continue
        generation, (of, flags, records, released) = header["generation"], cursor["segments"].get(slot, (0, 0, 0, []))
        unread = flags & 2 and generation >= of
        listed = slot in cursor["segments"] and generation == of
        if not listed and not unread and generation <= cursor["generation"]:
            continue
        found = list(walk(segment, header["salt"], records if listed and flags & 1 else None))
        index = read_index(segment, header)
        if index is not None and listed and flags & 1 and records == len(index) == len(found):
            assert index == [record["outline"] for record in found], f"the index of slot {slot} is wrong"
            indexes += 1
        for record in found:
            if not record["holds"]:
                continue
            payload = record["payload"]
            if record["codec"] == 1 and not header["cipher"]:
                payload = gzip.decompress(payload)
            done = released if listed else [(0, [])] * len(cursor["names"])
            waiting = [name for name, one in zip(cursor["names"], done) if not is_released(one, record["ordinal"])]
            line = [record["sequence"], record["signal"], header["class"], record["codec"], record["items"], record["stream"],
                    ",".join(waiting) or "-", payload.hex()]
            kept = stored.get(record["sequence"])
            if kept is None or kept[0] < generation:
                stored[record["sequence"]] = (generation, line)
    for _, (_, line) in sorted(stored.items()):
        print(*line)
    print(indexes, "indexes", file=sys.stderr)


main(sys.argv[1])
