// A reader of the spool for Node, written from docs/SPOOL.md with nothing but Node's library. Prints a line for each record, as reader.py does.

import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const dir = process.argv[2];
const BLOCK = 4096;
const TRIES = 10;

const TABLE = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  TABLE[i] = crc;
}
function crc32c(...buffers) {
  let crc = 0xffffffff;
  for (const bytes of buffers) for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
if (crc32c(Buffer.from('123456789')) !== 0xe3069283) throw new Error('CRC-32C');

const up = (at, unit) => Math.ceil(at / unit) * unit;

function newer(what, version) {
  throw new Error(`${what} is of version ${version}`);
}

// The body of the slot that counts; null without one.
function newestSlot(name, magic) {
  let file;
  try {
    file = fs.readFileSync(path.join(dir, name));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
  const half = Math.floor(file.length / 2);
  let best = null;
  for (const slot of [file.subarray(0, half), file.subarray(half, 2 * half)]) {
    if (slot.length < 44 || !slot.subarray(0, 8).equals(Buffer.from(magic))) continue;
    const length = slot.readUInt32LE(12);
    if (length < 44 || length > slot.length) continue;
    if (crc32c(slot.subarray(0, length - 4)) !== slot.readUInt32LE(length - 4)) continue;
    if (slot.readUInt16LE(8) !== 1) newer(name, slot.readUInt16LE(8));
    const counter = slot.readBigUInt64LE(32);
    if (!best || counter > best.counter) best = { counter, uuid: slot.subarray(16, 32), body: slot.subarray(40, length - 4) };
  }
  return best;
}

class Fields {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  u8() { return this.bytes[this.at++]; }
  u16() { this.at += 2; return this.bytes.readUInt16LE(this.at - 2); }
  u32() { this.at += 4; return this.bytes.readUInt32LE(this.at - 4); }
  u64() { this.at += 8; return this.bytes.readBigUInt64LE(this.at - 8); }
  text(length) { this.at += length; return this.bytes.subarray(this.at - length, this.at).toString('utf8'); }
  skip(length) { this.at += length; }
}

const LOSSES = 16 * 7;

function readCursor() {
  const slot = newestSlot('CURSOR', 'smolcur\n');
  if (!slot) return null;
  const get = new Fields(slot.body);
  const cursor = { uuid: slot.uuid, size: get.u32(), generation: get.u64(), destinations: [], live: new Map() };
  get.skip(4 * 8 + LOSSES);
  for (let left = get.u16(); left > 0; left--) {
    cursor.destinations.push(get.text(get.u8()));
    get.skip(LOSSES);
  }
  for (let left = get.u32(); left > 0; left--) {
    const slot = get.u32();
    const entry = { generation: get.u64(), class: get.u8(), flags: get.u8(), records: get.u32(), released: [] };
    get.skip(8 + 4 + 8);
    for (const _ of cursor.destinations) {
      const [first, count] = [get.u32(), get.u32()];
      entry.released.push({ first, words: Array.from({ length: count }, () => get.u64()) });
    }
    cursor.live.set(slot, entry);
  }
  return cursor;
}

function isReleased({ first, words }, ordinal) {
  if (ordinal < first) return true;
  const at = ordinal - (first - (first % 64));
  return ((words[Math.floor(at / 64)] ?? 0n) >> BigInt(at % 64) & 1n) === 1n;
}

function readAt(file, at, length) {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, fs.readSync(file, bytes, 0, length, at));
}

function segmentHeader(bytes) {
  if (bytes.length < 128 || !bytes.subarray(0, 8).equals(Buffer.from('smolseg\n'))) return null;
  if (crc32c(bytes.subarray(0, 124)) !== bytes.readUInt32LE(124)) return null;
  if (bytes.readUInt16LE(8) !== 1) newer('a segment', bytes.readUInt16LE(8));
  return {
    class: bytes[10], cipher: bytes[11], size: bytes.readUInt32LE(12), uuid: bytes.subarray(16, 32),
    generation: bytes.readBigUInt64LE(32), salt: bytes.subarray(40, 48), floor: bytes.readBigUInt64LE(56), slot: bytes.readUInt32LE(88),
  };
}

function headerOfSlot(file, slot, size, uuid) {
  const holds = (header) => header && header.size === size && header.slot === slot && (!uuid || header.uuid.equals(uuid));
  const both = [slot * size, (slot + 1) * size - 128].map((at) => segmentHeader(readAt(file, at, 128))).filter(holds);
  return both.length === 2 && both[1].generation > both[0].generation ? both[1] : both[0];
}

function findSize(file) {
  for (let size = BLOCK; size <= 64 << 20; size *= 2) {
    for (const at of [0, size, size - 128]) {
      const header = segmentHeader(readAt(file, at, 128));
      if (header) return header.size;
    }
  }
  return 0;
}

function recordHeader(segment, salt, at) {
  const end = segment.length - 128;
  if (at + 112 > end || segment.readUInt32LE(at + 52) !== at) return null;
  const [kind, signal, codec, flags] = segment.subarray(at + 12, at + 16);
  if (kind !== 1 || signal < 1 || signal > 4 || codec > 2 || flags > 3) return null;
  const [length, ordinal] = [segment.readUInt32LE(at + 4), segment.readUInt32LE(at + 32)];
  if (at + 112 + length > end || ordinal * 112 > at - 128) return null;
  if (crc32c(salt, segment.subarray(at + 4, at + 112)) !== segment.readUInt32LE(at)) return null;
  const payload = segment.subarray(at + 112, at + 112 + length);
  return {
    at, signal, codec, ordinal, payload, whole: crc32c(payload) === segment.readUInt32LE(at + 8),
    sequence: segment.readBigUInt64LE(at + 16), items: segment.readUInt32LE(at + 48), stream: segment.readUInt32LE(at + 56),
    plain: segment.readUInt32LE(at + 60), end: up(at + 112 + length, 8),
  };
}

function walk(segment, salt, known) {
  const records = [];
  let [at, expected] = [128, 0];
  while (expected !== known) {
    const expect = (place) => {
      const record = recordHeader(segment, salt, place);
      return record?.ordinal === expected ? record : null;
    };
    let record = expect(at) ?? expect(up(at, BLOCK));
    for (; !record && at + 112 <= segment.length - 128; at += 8) {
      const found = recordHeader(segment, salt, at);
      record = found?.ordinal >= expected ? found : null;
    }
    if (!record) break;
    records.push(record);
    [at, expected] = [record.end, record.ordinal + 1];
  }
  return records.filter((record) => known === undefined || record.ordinal < known);
}

// The records of a slot's segment, if it is live.
function recordsOf(file, slot, size, cursor) {
  for (let tries = 0; tries < TRIES; tries++) {
    const header = headerOfSlot(file, slot, size, cursor?.uuid);
    if (!header) return [];
    const entry = cursor?.live.get(slot);
    const listed = entry?.generation === header.generation ? entry : null;
    const unread = entry && entry.flags & 2 && header.generation >= entry.generation;
    if (cursor && !listed && !unread && header.generation <= cursor.generation) return [];
    const segment = Buffer.alloc(size);
    readAt(file, slot * size, size).copy(segment);
    const records = walk(segment, header.salt, listed && listed.flags & 1 ? listed.records : undefined);
    if (headerOfSlot(file, slot, size, cursor?.uuid)?.generation === header.generation) {
      return records.map((record) => ({ ...record, header, listed }));
    }
  }
  return [];
}

function plain(record) {
  if (record.header.cipher || record.codec !== 1) return record.payload;
  const bytes = zlib.gunzipSync(record.payload, { maxOutputLength: record.plain || 256 << 20 });
  if (record.plain && bytes.length !== record.plain) throw new Error(`record ${record.sequence} has another length than it says`);
  return bytes;
}

function main() {
  const cursor = readCursor();
  const file = fs.openSync(path.join(dir, 'spool.dat'), 'r');
  const size = cursor?.size ?? findSize(file);
  const slots = size ? Math.floor(fs.fstatSync(file).size / size) : 0;
  const stored = new Map();
  for (let slot = 0; slot < slots; slot++) {
    for (const record of recordsOf(file, slot, size, cursor)) {
      const other = stored.get(record.sequence);
      const newest = !other || (record.header.generation > other.header.generation) === record.whole;
      if (!other || (record.whole !== other.whole ? record.whole : newest)) stored.set(record.sequence, record);
    }
  }
  const bySequence = [...stored.values()].sort((one, other) => (one.sequence < other.sequence ? -1 : 1));
  for (const record of bySequence.filter((record) => record.whole)) {
    const waits = (at) => !record.listed || !isReleased(record.listed.released[at], record.ordinal);
    const waiting = (cursor?.destinations ?? []).filter((_, at) => waits(at)).join(',') || '-';
    const { sequence, signal, codec, items, stream, header } = record;
    console.log([sequence, signal, header.class, codec, items, stream, waiting, plain(record).toString('hex')].join(' '));
  }
}

main();
