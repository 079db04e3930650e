/* Maillon: several files as one ZIP (PKWARE APPNOTE 6.3.3), stored as they are: receipts are small. Apache-2.0. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? value >>> 1 ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});
const crc32 = (data) => {
  let value = 0xffffffff;
  for (const byte of data) value = TABLE[(value ^ byte) & 255] ^ value >>> 8;
  return ~value >>> 0;
};
/* Names are told apart, and none leads out of the folder it is unpacked in. */
const distinct = (files) => {
  const taken = new Set();
  return files.map(([name, text]) => {
    const plain = name.replace(/[\\/\0]/g, "_").replace(/^\.+$/, "_") || "_";
    let chosen = plain;
    for (let number = 2; taken.has(chosen); number += 1) chosen = `${number}-${plain}`;
    taken.add(chosen);
    return [chosen, text];
  });
};
/* `files` are pairs of name and text; the answer is a Blob. */
export const zip = (files, now = new Date()) => {
  const encoder = new TextEncoder();
  const time = now.getHours() << 11 | now.getMinutes() << 5 | now.getSeconds() >> 1;
  const day = now.getFullYear() - 1980 << 9 | now.getMonth() + 1 << 5 | now.getDate();
  const parts = [];
  const directory = [];
  let offset = 0;
  const record = (signature, fields, tail) => {
    const size = fields.reduce((sum, [bytes]) => sum + bytes, 4);
    const view = new DataView(new ArrayBuffer(size));
    view.setUint32(0, signature, true);
    let at = 4;
    for (const [bytes, value] of fields) {
      if (bytes === 2) view.setUint16(at, value, true); else view.setUint32(at, value, true);
      at += bytes;
    }
    return [new Uint8Array(view.buffer), ...tail];
  };
  for (const [name, text] of distinct(files)) {
    const title = encoder.encode(name);
    const data = encoder.encode(text);
    /* Version 2.0, names in UTF-8, stored. */
    const common = [[2, 20], [2, 0x800], [2, 0], [2, time], [2, day], [4, crc32(data)], [4, data.length], [4, data.length], [2, title.length], [2, 0]];
    const local = record(0x04034b50, common, [title, data]);
    directory.push(...record(0x02014b50, [[2, 0x314], ...common, [2, 0], [2, 0], [2, 0], [4, 0x81a40000], [4, offset]], [title]));
    parts.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record(0x06054b50, [[2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]], []);
  return new Blob([...parts, ...directory, ...end], { type: "application/zip" });
};
