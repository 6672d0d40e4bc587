/** Amounts, quantities and times as people read them, and what they type. */

/** @param {string} text an amount of the API @param {string} currency @param {string} language */
export function formatMoney(text, currency, language) {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(/** @type {any} */ (text));
}

/** @param {string} text @param {string} language */
export function formatNumber(text, language) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 3 }).format(/** @type {any} */ (text));
}

/** @param {string} iso @param {string} language */
export function formatTime(iso, language) {
  return new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(new Date(iso));
}

/** @param {string} iso @param {string} language */
export function formatDateTime(iso, language) {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });
  return format.format(new Date(iso));
}

/**
 * Return a typed number as the API writes it, with `.` or `,` before its decimals; null if it is none.
 *
 * @param {string} text
 * @param {number} decimals that it may have
 * @param {boolean} [isPadded] whether it gets all of them
 */
export function readNumber(text, decimals, isPadded = false) {
  const found = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  if (!found || (found[2] ?? "").length > decimals) return null;
  const fraction = isPadded ? (found[2] ?? "").padEnd(decimals, "0") : (found[2] ?? "");
  const whole = found[1].replace(/^0+(?=\d)/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}
