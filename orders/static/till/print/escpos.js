/**
 * Plain text as bytes for a receipt printer. With a connection the bytes of the server are used, which have all
 * letters and the logo; these are for receipts without one.
 */

const RESET = [0x1b, 0x40];
/** Pin 2 of the drawer's socket, 50 ms on and 500 ms off. */
const OPEN_DRAWER = [0x1b, 0x70, 0x00, 0x19, 0xfa];
const FEED_AND_CUT = [0x1b, 0x64, 0x04, 0x1d, 0x56, 0x42, 0x00];
/** What has no accent that could be left out. @type {Record<string, string>} */
const NAMES = { "€": "EUR", "£": "GBP", ß: "ss", æ: "ae", Æ: "AE", ø: "o", Ø: "O", ł: "l", Ł: "L", "–": "-", "—": "-", "−": "-", "×": "x", "…": "..." };

/** Return text in ASCII, which every printer knows: without accents, and `?` for other letters. @param {string} text */
export function toAscii(text) {
  const named = [...text].map((letter) => NAMES[letter] ?? letter).join("");
  return named.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^\n\x20-\x7e]/gu, "?");
}

/** @param {string} text @param {{opensDrawer?: boolean}} [options] @returns {Uint8Array<ArrayBuffer>} */
export function encodeText(text, { opensDrawer = false } = {}) {
  const lines = new TextEncoder().encode(`${toAscii(text)}\n`);
  return new Uint8Array([...RESET, ...(opensDrawer ? OPEN_DRAWER : []), ...lines, ...FEED_AND_CUT]);
}
