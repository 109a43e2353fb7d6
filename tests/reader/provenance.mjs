// docs/formats.md, section 18: what of a provenance file can be judged with SHA-256 alone (steps 2 to 4).
import { refuse, sha256 } from "./bytes.mjs";
import { canonical, fromHex, parseManifest } from "./documents.mjs";
import { commitment, leafOf } from "./series.mjs";

/** RFC 9162, section 2.1.3.2. */
function underRoot(leaf, position, size, path, root, part) {
  refuse(position >= size, `${part}: outside of its tree`);
  let [node, at, last] = [sha256(Buffer.of(0), leaf), position, size - 1];
  for (const sibling of path) {
    refuse(last === 0, `${part}: the path is too long`);
    if (at % 2 === 1 || at === last) {
      node = sha256(Buffer.of(1), sibling, node);
      while (at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1];
    } else {
      node = sha256(Buffer.of(1), node, sibling);
    }
    [at, last] = [at >> 1, last >> 1];
  }
  refuse(last !== 0 || !node.equals(root), `${part}: leads to another root`);
}

const hashes = (path) => path.map((each) => fromHex(each, 32));

/** Refuses a file whose manifest, instance or event does not hold; signatures and receipts are not looked at. */
export function judge(data) {
  const file = JSON.parse(data);
  refuse(canonical(file) !== data, "not canonical");
  refuse(file.format !== "fiducia/v1/provenance", "not a provenance file");
  const { instance, event, checkpoint } = file;
  const manifest = parseManifest(Buffer.from(file.manifest, "utf-8"));
  const line = manifest.series.find((each) => each.number === instance.series);
  refuse(line === undefined, "manifest: has no such series");
  const digests = [instance.salt, instance.identity_digest, instance.header_digest].map((each) => fromHex(each, 32));
  const leaf = leafOf({ number: instance.number, offset: instance.offset, sealed: instance.length }, commitment(...digests));
  underRoot(leaf, instance.position, instance.instances, hashes(instance.path), fromHex(line.root, 32), "instance");
  const record = JSON.parse(event.record);
  refuse(canonical(record) !== event.record, "event: not canonical");
  const revision = { study_anchored: 1, study_revised: record.revision }[record.type];
  const named = `0x${sha256(file.manifest).toString("hex")}`;
  refuse(record.study_id !== manifest.study_id || record.manifest !== named || revision !== manifest.revision, "event: another");
  refuse(record.block_number !== checkpoint.block_number || record.time_at !== checkpoint.block_at, "event: another block");
  const root = fromHex(checkpoint.root, 32);
  underRoot(Buffer.from(event.record, "utf-8"), event.position, checkpoint.events, hashes(event.path), root, "event");
}
