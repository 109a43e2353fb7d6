// A journal's log as docs/formats.md, section 20, has it: leaves, proof files, LOG keys, anchors; and what members attest
// with their LOG keys, section 22.
//
// Checks Ed25519 signatures; Node 20 has no ML-DSA.
import { createPublicKey, verify } from "node:crypto";
import { Refused, sha256 } from "./bytes.mjs";

const HEAD = "c2sp.org/tlog-proof@v1\n";

function refuse(condition, why) {
  if (!condition) throw new Refused(why);
}

/** The 32 bytes that stand in the log for an entry. */
export function leafOfEntry({ at, body, kind, subject_id }, salt) {
  // JSON.stringify keeps the order of the fields, writes no spaces, and escapes as RFC 8785 does.
  return sha256("fiducia/v1/journal/", salt, Buffer.from(JSON.stringify({ at, body, kind, subject_id }), "utf-8"));
}

/** A key's short id under a name, for one type of signature. */
export function keyId(name, type, key) {
  return sha256(`${name}\n`, Buffer.from([type]), key).subarray(0, 4);
}

/** Verifier keys as lines, to { name, type, key }. */
export function readVkeys(lines) {
  return lines.map((line) => {
    const [name, id, ...rest] = line.split("+");
    const data = Buffer.from(rest.join("+"), "base64");
    const found = { name, type: data[0], key: data.subarray(1) };
    refuse(keyId(name, found.type, found.key).toString("hex") === id, "a verifier key has another id");
    return found;
  });
}

/** Checks one proof against verifier keys; returns its entry, index, and the witnesses whose Ed25519 cosignature holds. */
export function checkProof(text, vkeys) {
  refuse(text.startsWith(HEAD), "not a proof");
  const [head, ...rest] = text.slice(HEAD.length).split("\n\n");
  const [extra, index, ...path] = head.split("\n");
  const shown = JSON.parse(Buffer.from(extra.slice("extra ".length), "base64"));
  refuse(shown.format === "fiducia/v1/journal-entry" && index === `index ${shown.index}`, "another form");
  const [body, lines] = [`${rest[0]}\n`, rest[1].trimEnd().split("\n")];
  const [origin, size, root] = body.split("\n");
  const leaf = leafOfEntry(shown.entry, Buffer.from(shown.salt.slice(2), "hex"));
  const found = rootOf(sha256(Buffer.from([0]), leaf), BigInt(shown.index), BigInt(size), path);
  refuse(found.toString("base64") === root, "the path leads to another root");
  const signed = signaturesIn(lines);
  const holds = ({ name, type, key }) => {
    const one = signed.find((each) => each.name === name && each.id.equals(keyId(name, type, key)));
    if (!one) return false;
    if (type === 1) return verify(null, Buffer.from(body), ed25519(key), one.signature);
    const time = one.signature.readBigUInt64BE(0);
    return verify(null, Buffer.from(`cosignature/v1\ntime ${time}\n${body}`), ed25519(key), one.signature.subarray(8));
  };
  refuse(vkeys.some((key) => key.name === origin && key.type === 1 && holds(key)), "not signed by its log");
  const witnesses = vkeys.filter((key) => key.name !== origin && key.type === 4 && holds(key)).map(({ name }) => name);
  return { entry: shown.entry, index: shown.index, witnesses };
}

const FIELDS = {
  "fiducia/v1/destroyed": ["chain", "studies", "study", "trustee", "custody", "destroyed_at", "held_until"],
  "fiducia/v1/cleared": ["chain", "studies", "study", "custodian", "cleared_at", "held_until"],
};
const BYTES = { studies: 20, study: 32, custody: 32 };

/** Checks that a note is a member's attestation for a ledger; returns its fields. Its ML-DSA signature must be there. */
export function checkAttestation(note, { chain_id, studies, name, vkeys }) {
  const at = note.lastIndexOf("\n\n");
  const [text, lines] = [note.slice(0, at + 1), note.slice(at + 2).trimEnd().split("\n")];
  refuse(at > 0, "not a note");
  const [head, ...rest] = text.split("\n");
  const names = FIELDS[head] ?? [];
  refuse(names.length && rest.length === names.length + 1 && rest.at(-1) === "", "not an attestation");
  const values = names.map((field, i) => {
    const form = field in BYTES ? `[0-9a-f]{${2 * BYTES[field]}}` : "0|[1-9][0-9]{0,18}";
    refuse(new RegExp(`^${field} (${form})$`).test(rest[i]), `another line where ${field} belongs`);
    return [field, rest[i].slice(field.length + 1)];
  });
  const said = Object.fromEntries(values);
  refuse(said.chain === String(chain_id) && said.studies === studies, "of another ledger");
  const signed = signaturesIn(lines);
  const [ed, mldsa] = [1, 6].map((type) => vkeys.find((key) => key.name === name && key.type === type).key);
  const by = (id) => signed.find((each) => each.name === name && each.id.equals(id));
  const plain = by(keyId(name, 1, ed));
  refuse(plain && verify(null, Buffer.from(text), ed25519(ed), plain.signature), "not signed with the Ed25519 key");
  refuse(by(keyId(name, 255, Buffer.concat([Buffer.from("fiducia/v1/attestation/ml-dsa-44"), mldsa]))), "not with ML-DSA");
  return said;
}

function signaturesIn(lines) {
  return lines.map((line) => {
    const [, name, data] = line.split(" ");
    return { name, id: Buffer.from(data, "base64").subarray(0, 4), signature: Buffer.from(data, "base64").subarray(4) };
  });
}

/** RFC 9162, section 2.1.3.2. */
function rootOf(hash, index, size, path) {
  let [at, last] = [index, size - 1n];
  for (const line of path) {
    const other = Buffer.from(line, "base64");
    refuse(last > 0n, "the path is too long");
    if (at & 1n || at === last) {
      hash = sha256(Buffer.from([1]), other, hash);
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n];
    } else {
      hash = sha256(Buffer.from([1]), hash, other);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  refuse(last === 0n, "the path is too short");
  return hash;
}

function ed25519(key) {
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]);
  return createPublicKey({ key: spki, format: "der", type: "spki" });
}

/** The creation code of an anchor, without keccak256: the topic is taken from the code itself. */
export function anchorOf(originHash, topic, note) {
  const [n, zero] = [Buffer.from([0x61, note.length >> 8, note.length & 255]), Buffer.from([0x60, 0])];
  const [copy, log] = [Buffer.from([0x60, 85]), Buffer.from([0x7f])];
  const end = Buffer.from([0xa2, 0x60, 0, 0x60, 0, 0xf3]);
  return Buffer.concat([n, copy, zero, Buffer.from([0x39]), log, originHash, log, topic, n, zero, end, note]);
}
