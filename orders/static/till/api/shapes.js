/** What answers of the API have, so that the answer of something else, such as a proxy, is not taken for one. */

/** @param {unknown} value */
const isText = (value) => typeof value === "string";
/** @param {unknown} value */
const isList = (value) => Array.isArray(value);
/** @param {unknown} value */
const isNumber = (value) => Number.isInteger(value);
/** @param {unknown} value */
const isNumberOrNull = (value) => value === null || isNumber(value);
/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && value !== null && !isList(value);

/** @typedef {Record<string, (value: unknown) => boolean>} Shape */

/** @type {Shape} */
const ORDER = {
  id: isText,
  number: isText,
  status: isText,
  receipt_number: isNumberOrNull,
  total: isText,
  due: isText,
  cash_due: isText,
  change_total: isText,
  lines: isList,
  payments: isList,
  refunds: isList,
};
/** @type {Shape} */
const LIST = { results: isList };
/** @type {Shape} */
const TOKENS = { access: isText, user: isObject };
/** @type {Shape} */
const PAIRED = { terminal_token: isText, last_device_sequence: isNumber };
/** @type {Shape} */
const NAMED = { id: isText };

/** Methods and paths without their query; the first that fits counts. @type {[RegExp, Shape | null][]} */
const SHAPES = [
  [/^POST orders\/calculate\/$/, { total: isText, lines: isList }],
  [/^POST orders\/$/, ORDER],
  [/^GET orders\/[^/]+\/$/, ORDER],
  [/^POST orders\/[^/]+\/(payments|void)\/$/, ORDER],
  [/^POST payments\/[^/]+\/cancel\/$/, ORDER],
  [/^GET receipts\/[^/]+\/$/, ORDER],
  [/^POST orders\/[^/]+\/receipt\/email\/$/, { email: isText }],
  [/^POST orders\/[^/]+\/refunds\/$/, { id: isText, order: isText, status: isText, payouts: isList }],
  [/^(GET|POST) refunds\/[^/]+\//, { id: isText, order: isText, status: isText, payouts: isList }],
  [/^POST sync\/orders\/$/, LIST],
  [/^GET payments\/[^/]+\/$/, { id: isText, status: isText }],
  [/^GET shifts\/[^/]+\/x-report\/$/, { sales: isObject, taxes: isList }],
  [/^(GET shifts\/[^/]+\/|POST shifts\/|POST shifts\/[^/]+\/end\/)$/, { id: isText, status: isText, opening_float: isText }],
  [/^GET reports\/sales\/$/, { rows: isList, total: isObject }],
  [/^GET registers\/[^/]+\/gaps\/$/, { missing: isNumber, ranges: isList }],
  [/^POST (auth\/pair\/|registers\/[^/]+\/pair\/)$/, PAIRED],
  [/^POST registers\/[^/]+\/unpair\/$/, null],
  [/^POST auth\/token\/refresh\/$/, { access: isText }],
  [/^POST auth\/(token|pin)\/$/, TOKENS],
  [/^GET customers\/[^/]+\/$|^POST customers\/$/, { id: isText, name: isText, email: isText }],
  [/^POST (approvals\/|approvals\/[^/]+\/approve\/|shifts\/[^/]+\/cash-movements\/)$/, NAMED],
  [/^GET ([a-z-]+\/|auth\/pin\/users\/)$/, LIST],
];

/** @param {any} answer @param {Shape} shape */
function fitsShape(answer, shape) {
  return isObject(answer) && Object.entries(shape).every(([name, fits]) => fits(answer[name]));
}

/** Return whether an answer, or a part of one, is this order. @param {any} answer @param {string} id */
export function isOrder(answer, id) {
  return fitsShape(answer, ORDER) && answer.id === id;
}

/**
 * Return whether an answer has what the answer to this request has; of one that is not listed nothing is known.
 *
 * @param {string} method
 * @param {string} path
 * @param {any} answer
 */
export function hasShape(method, path, answer) {
  const request = `${method} ${path.split("?")[0]}`;
  const found = SHAPES.find(([pattern]) => pattern.test(request));
  return !found || found[1] === null || fitsShape(answer, found[1]);
}
