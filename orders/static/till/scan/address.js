/** The pairing code in the address that a QR code of the admin pages opens: `/till/#pair=CODE`. */

export const MAX_PAIRING_CODE = 32;

/** Return the code of the fragment of an address: empty if it is malformed, null without one. @param {string} fragment @returns {string | null} */
export function readPairingCode(fragment) {
  const [, encoded] = /^#pair=(.*)$/s.exec(fragment) ?? [];
  if (encoded === undefined) return null;
  try {
    const code = decodeURIComponent(encoded).trim();
    return code.length <= MAX_PAIRING_CODE ? code : "";
  } catch {
    // A percent sign without the bytes that it announces.
    return "";
  }
}
