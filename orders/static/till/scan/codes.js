/**
 * Codes: one key for all spellings of a GTIN, and labels of scales. The same rules as `orders/codes`
 * on the server. One file without imports, because the tests run it in a V8 without ES modules.
 *
 * @typedef {{pattern: string, kind: "weight" | "price", value_decimals: number, priority: number, is_active: boolean}} BarcodeRule
 * @typedef {{plu: string, kind: "weight" | "price", value: string}} Label
 */

const LABEL_LENGTH = 13;

/** Return whether the digits, weighted 1 and 3 from the right, add up to a multiple of ten. @param {string} code */
function hasRightCheckDigit(code) {
  const digits = [...code].reverse().map(Number);
  return digits.reduce((sum, digit, at) => sum + digit * (at % 2 ? 3 : 1), 0) % 10 === 0;
}

/** Return the UPC-A number of the 8 digits of a UPC-E symbol, or null. @param {string} code */
function expandUpcE(code) {
  const [first, digits, last, check] = [code[0], code.slice(1, 6), code[6], code[7]];
  if (first !== "0") return null;
  const bodies = {
    3: `${digits.slice(0, 3)}00000${digits.slice(3)}`,
    4: `${digits.slice(0, 4)}00000${digits.slice(4)}`,
  };
  const short = `${digits.slice(0, 2)}${last}0000${digits.slice(2)}`;
  const body = "012".includes(last) ? short : (bodies[last] ?? `${digits}0000${last}`);
  const upcA = `0${body}${check}`;
  return hasRightCheckDigit(upcA) && compressUpcA(upcA) === code ? upcA : null;
}

/** Return the 8 digits of the UPC-E symbol of a UPC-A number, or null if it has none. @param {string} code */
function compressUpcA(code) {
  const [company, item] = [code.slice(1, 6), code.slice(6, 11)];
  /** @type {string | null} */
  let digits = null;
  if ("012".includes(company[2]) && company.endsWith("00") && item.startsWith("00")) {
    digits = `${company.slice(0, 2)}${item.slice(2)}${company[2]}`;
  } else if (company.endsWith("00") && item.startsWith("000")) {
    digits = `${company.slice(0, 3)}${item.slice(3)}3`;
  } else if (company[4] === "0" && item.startsWith("0000")) {
    digits = `${company.slice(0, 4)}${item[4]}4`;
  } else if (company[4] !== "0" && item.startsWith("0000") && item[4] >= "5") {
    digits = `${company}${item[4]}`;
  }
  return digits && `0${digits}${code[11]}`;
}

/** Return the code itself, which may begin with a symbology identifier. @param {string} code */
export function removeSymbology(code) {
  return code.replace(/^\][A-Za-z][0-9A-Za-z]/, "");
}

/** Return the 14 digits of a GTIN, and any other code as it is. @param {string} code */
export function buildKey(code) {
  if (!/^(\d{8}|\d{12,14})$/.test(code)) return code;
  const upcA = code.length === 8 ? expandUpcE(code) : null;
  if (upcA) return upcA.padStart(14, "0");
  return hasRightCheckDigit(code) ? code.padStart(14, "0") : code;
}

/** Return item digits as they are compared: without leading zeros. @param {string} digits */
export function normalizePlu(digits) {
  return digits.replace(/^0+/, "");
}

/**
 * Return what a code says by the rules of the shop, or null if it is no label.
 *
 * @param {string} code
 * @param {BarcodeRule[]} rules in the order of their priority
 * @returns {Label | null}
 */
export function readLabel(code, rules) {
  const padded = code.length === LABEL_LENGTH - 1 ? `0${code}` : code;
  if (!/^\d{13}$/.test(padded)) return null;
  for (const rule of rules) {
    const label = rule.is_active ? readByRule(padded, rule) : null;
    if (label) return label;
  }
  return null;
}

/** @param {string} code @param {BarcodeRule} rule @returns {Label | null} */
function readByRule(code, { pattern, kind, value_decimals: decimals }) {
  const isMatch = [...pattern].every((sign, at) => /[IVKC]/.test(sign) || sign === code[at]);
  if (!isMatch || (pattern.endsWith("C") && !hasRightCheckDigit(code))) return null;
  const select = (/** @type {string} */ wanted) =>
    [...code].filter((_, at) => pattern[at] === wanted).join("");
  const value = select("V").padStart(decimals + 1, "0");
  const whole = value.slice(0, value.length - decimals).replace(/^0+(?=\d)/, "");
  const text = decimals ? `${whole}.${value.slice(-decimals)}` : whole;
  return { plu: normalizePlu(select("I")), kind, value: text };
}
