// Digests, integers and ranges of files: the little that the other modules share. Node's own crypto only.
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What a reader does with anything that is not as docs/formats.md says. */
export class Refused extends Error {}

export function refuse(condition, message) {
  if (condition) throw new Refused(message);
}

export const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The n-byte big-endian form of a number or BigInt. */
export function be(value, bytes) {
  const out = Buffer.alloc(bytes);
  let left = BigInt(value);
  for (let at = bytes - 1; at >= 0; at--, left >>= 8n) out[at] = Number(left & 0xffn);
  refuse(left !== 0n, "a number does not fit its field");
  return out;
}

export function u64(buffer, at) {
  const value = buffer.readBigUInt64BE(at);
  refuse(value > BigInt(Number.MAX_SAFE_INTEGER), "a length or offset beyond 2^53");
  return Number(value);
}

/** A source of ranges: `size`, and `read(offset, length)` that gives exactly that many bytes or refuses. */
export function bufferSource(buffer) {
  return {
    size: buffer.length,
    read(offset, length) {
      refuse(offset < 0 || offset + length > buffer.length, "the object is shorter than it should be");
      return buffer.subarray(offset, offset + length);
    },
    close() {},
  };
}

export function fileSource(path) {
  const file = openSync(path, "r");
  return {
    size: fstatSync(file).size,
    read(offset, length) {
      const out = Buffer.alloc(length);
      let got = 0;
      while (got < length) {
        const count = readSync(file, out, got, length - got, offset + got);
        refuse(count === 0, "the object is shorter than it should be");
        got += count;
      }
      return out;
    },
    close: () => closeSync(file),
  };
}
