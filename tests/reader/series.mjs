// docs/formats.md, sections 5 to 8 and 14: digests, root, pack, index, and reading a series.
import { be, refuse, sha256, u64 } from "./bytes.mjs";
import { context, Message, padding, padme, sealedLength } from "./container.mjs";

const HEAD = 192;
const ENTRY = 372;

export const commitment = (salt, identity, header) => sha256(salt, identity, header);

export const leafOf = (entry, committed) =>
  Buffer.concat([be(entry.number, 4), be(entry.offset, 8), be(entry.sealed, 8), committed]);

export function merkleRoot(leaves) {
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0]);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.of(1), merkleRoot(leaves.slice(0, split)), merkleRoot(leaves.slice(split)));
}

function uid(buffer, at) {
  const text = buffer.toString("latin1", at, at + 64).replace(/\0+$/, "");
  refuse(!/^[0-9.]{1,64}$/.test(text), "not a UID");
  return text;
}

function parseEntry(table, at) {
  const entry = {
    number: table.readUInt32BE(at),
    encoding: table.readUInt16BE(at + 4),
    layout: table.readUInt16BE(at + 6),
    frames: table.readUInt32BE(at + 8),
  };
  const lengths = ["offset", "sealed", "message", "original", "header", "jsonOffset", "json", "rangesOffset", "ranges"];
  lengths.forEach((name, i) => (entry[name] = u64(table, at + 12 + 8 * i)));
  ["identity", "headerDigest", "salt"].forEach((name, i) => {
    entry[name] = table.subarray(at + 84 + 32 * i, at + 116 + 32 * i);
  });
  ["transferSyntax", "sopClass", "sopInstance"].forEach((name, i) => (entry[name] = uid(table, at + 180 + 64 * i)));
  return entry;
}

function check(entries, content) {
  let [number, offset, json] = [0, 0, HEAD + entries.length * ENTRY];
  let ranges = entries.reduce((sum, entry) => sum + entry.json, json);
  for (const entry of entries) {
    refuse(entry.number <= number || entry.offset !== offset, "instances do not ascend back to back");
    refuse(entry.encoding !== 0 || entry.layout > 3, "an unknown encoding or frame layout");
    refuse(entry.sealed !== sealedLength(entry.message) || entry.original !== entry.message, "lengths contradict each other");
    refuse(entry.header > entry.original, "a header longer than its file");
    refuse(entry.json > 2 ** 28 || entry.ranges * 16 > 2 ** 28, "a blob is too long");
    refuse(entry.ranges !== [0, entry.frames, entry.frames, 1][entry.layout], "a frame table does not fit its layout");
    refuse(entry.jsonOffset !== json || entry.rangesOffset !== ranges, "blobs are not back to back");
    [number, offset] = [entry.number, offset + entry.sealed];
    json += entry.json;
    ranges += 16 * entry.ranges;
  }
  refuse(ranges !== content, "the index is longer or shorter than what it holds");
}

export class Series {
  /** Opens the index and compares its instances with the root; `keys` holds indexKey and packKey. */
  constructor(manifest, line, keys, index, pack) {
    this.place = { studyId: manifest.studyId, sealedIn: line.sealed_in, series: line.number };
    Object.assign(this, { line, keys, pack });
    this.index = new Message(index, 0, line.index_size_bytes, keys.indexKey, context("index", this.place, 0));
    const head = this.index.read(0, HEAD);
    refuse(head.toString("latin1", 0, 8) !== "FIDINDEX" || head.readUInt16BE(8) !== 1, "not an index of this version");
    const place = [head.readUInt16BE(10), head.readUInt32BE(12)];
    refuse(place[0] !== line.sealed_in || place[1] !== line.number, "the index is of another series");
    refuse(!head.subarray(16, 48).equals(manifest.studyId), "the index is of another study");
    const [count, content] = [head.readUInt32BE(48), u64(head, 56)];
    refuse(head.readUInt32BE(52) !== ENTRY || count < 1 || count > 2 ** 18, "the index's counts are out of range");
    refuse(padme(content) !== this.index.length || HEAD + count * ENTRY > content, "the index's length is another one");
    this.studyUid = uid(head, 64);
    this.seriesUid = uid(head, 128);
    const table = this.index.read(HEAD, count * ENTRY);
    this.entries = Array.from({ length: count }, (_, i) => parseEntry(table, i * ENTRY));
    check(this.entries, content);
    const leaves = this.entries.map((entry) => leafOf(entry, commitment(entry.salt, entry.identity, entry.headerDigest)));
    refuse(merkleRoot(leaves).toString("hex") !== line.root.slice(2), "its instances are not those of the manifest's root");
    const last = this.entries[count - 1];
    this.used = last.offset + last.sealed;
    refuse(padme(this.used) !== line.pack_size_bytes, "the pack is not padded as it should be");
  }

  dicomJson(entry) {
    return JSON.parse(this.index.read(entry.jsonOffset, entry.json).toString("utf-8"));
  }

  frameTable(entry) {
    const table = this.index.read(entry.rangesOffset, 16 * entry.ranges);
    return Array.from({ length: entry.ranges }, (_, i) => {
      const range = { offset: u64(table, 16 * i), length: u64(table, 16 * i + 8) };
      refuse(range.offset < entry.header || range.offset + range.length > entry.original, "a frame outside its data set");
      return range;
    });
  }

  /** The instance's message; its chunks are the file. */
  message(entry) {
    const info = context("pack", this.place, entry.number);
    return new Message(this.pack, entry.offset, entry.sealed, this.keys.packKey, info);
  }

  /** Refuses a file that is not the one in the entry. */
  verify(entry, file) {
    refuse(!sha256(file.subarray(0, entry.header)).equals(entry.headerDigest), "its header is another one");
    const identity = sha256(entry.transferSyntax, file.subarray(entry.header));
    refuse(!identity.equals(entry.identity), "its data set is another one");
  }

  verifyPadding() {
    const left = this.line.pack_size_bytes - this.used;
    const expected = padding(this.keys.packKey, context("padding", this.place, 0), left);
    refuse(!expected.equals(this.pack.read(this.used, left)), "the padding is not what the key makes");
  }
}
