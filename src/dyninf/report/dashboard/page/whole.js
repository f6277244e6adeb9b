// Whether the page is whole: the line that says it is not stands there until its content fits its checksum.

const held = document.getElementById("content"), wholeNote = document.getElementById("whole");

/** CRC-32, as in zip files, of letters of ASCII. */
function crc32(text) {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
    return byte;
  });
  let sum = 0xffffffff;
  for (let i = 0; i < text.length; i++) sum = table[(sum ^ text.charCodeAt(i)) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

if (crc32(held.textContent) !== Number(held.dataset.crc32)) {
  wholeNote.textContent = "This report is damaged: its content is not what was written. Make it again.";
  document.querySelector("main").hidden = true;
  throw new Error(wholeNote.textContent);
}
wholeNote.hidden = true;
