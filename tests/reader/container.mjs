// docs/formats.md, sections 2, 3 and 4: contexts, Cobblestone-256, Padmé.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { be, refuse } from "./bytes.mjs";

const CHUNK = 16384;
const SEALED_CHUNK = CHUNK + 16;
const LABEL = Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", "ascii");

export function context(kind, place, instance) {
  const numbers = [be(place.sealedIn, 2), be(place.series, 4), be(instance, 4)];
  return Buffer.concat([Buffer.from(`fiducia/v1/${kind}/`, "ascii"), place.studyId, ...numbers]);
}

export function hkdfExpand(key, info, length) {
  const blocks = [];
  for (let block = Buffer.alloc(0), i = 1; blocks.length * 64 < length; i++) {
    block = createHmac("sha512", key).update(block).update(info).update(Buffer.of(i)).digest();
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

export const sealedLength = (plain) => 56 + plain + 16 * (Math.floor(plain / CHUNK) + 1);

export function plainLength(sealed) {
  const full = Math.floor((sealed - 56) / SEALED_CHUNK);
  const last = (sealed - 56) % SEALED_CHUNK;
  refuse(sealed < 56 || last < 16, "no sealed message has this length");
  return full * CHUNK + last - 16;
}

export function padme(length) {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const exact = 2 ** exponent > length ? exponent - 1 : 2 ** (exponent + 1) <= length ? exponent + 1 : exponent;
  const kept = exact === 0 ? 0 : Math.floor(Math.log2(exact)) + 1;
  const step = 2 ** Math.max(exact - kept, 0);
  return Math.ceil(length / step) * step;
}

/** The first `length` bytes of a pack's padding (section 6). */
export function padding(packKey, info, length) {
  const okm = hkdfExpand(packKey, info, 48);
  return createCipheriv("aes-256-ctr", okm.subarray(0, 32), okm.subarray(32)).update(Buffer.alloc(length));
}

/** One sealed message inside a source, from `start`, `sealed` bytes long. */
export class Message {
  constructor(source, start, sealed, key, info) {
    this.length = plainLength(sealed);
    this.last = Math.floor(this.length / CHUNK);
    const header = source.read(start, 56);
    const okm = hkdfExpand(key, Buffer.concat([LABEL, header.subarray(0, 24), info]), 76);
    refuse(!timingSafeEqual(okm.subarray(44), header.subarray(24)), "another key, context or message: the commitment differs");
    Object.assign(this, { source, start, sealed, key: okm.subarray(0, 32), nonce: okm.subarray(32, 44) });
  }

  chunk(number) {
    const from = 56 + number * SEALED_CHUNK;
    const sealed = this.source.read(this.start + from, Math.min(SEALED_CHUNK, this.sealed - from));
    const nonce = Buffer.from(this.nonce);
    const counter = be(number, 12);
    for (let i = 0; i < 12; i++) nonce[i] ^= counter[i];
    const cipher = createDecipheriv("aes-256-gcm", this.key, nonce);
    cipher.setAuthTag(sealed.subarray(-16));
    try {
      return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
    } catch {
      refuse(true, "the message was altered: a chunk's tag does not hold");
    }
  }

  *chunks() {
    for (let number = 0; number <= this.last; number++) yield this.chunk(number);
  }

  read(offset, length) {
    refuse(offset + length > this.length, "a range outside the message");
    const first = Math.floor(offset / CHUNK);
    const last = offset + length === this.length ? this.last : Math.floor((offset + length - 1) / CHUNK);
    const chunks = [];
    for (let number = first; number <= last; number++) chunks.push(this.chunk(number));
    return Buffer.concat(chunks).subarray(offset - first * CHUNK, offset - first * CHUNK + length);
  }
}
