/** Requests to the API of Till, which every terminal uses. */

import { hasShape } from "./shapes.js";

const TIMEOUT = 10_000;
const NO_CONTENT = 204;
const JSON_TYPE = /^application\/(problem\+)?json\b/;
/** The media types of answers, by what the caller reads. */
const TYPES = {
  json: JSON_TYPE,
  text: /^(text\/plain|application\/x-ndjson)\b/,
  bytes: /^application\/octet-stream\b/,
};
/** @typedef {keyof typeof TYPES} Reads */

/** A problem document (RFC 9457). Programs decide by `code`, people read `detail`. */
export class Refused extends Error {
  /** @param {any} problem @param {number} status */
  constructor(problem, status) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.problem = problem;
    this.status = status;
    this.code = problem.code ?? "";
  }
}

/** No answer, or not one of Till, such as the log-in page of a network: nobody knows whether the request arrived. */
export class Unreachable extends Error {}

export class Api {
  /** @param {string} [base] */
  constructor(base = "/api/v1/") {
    this.base = base;
    this.terminalToken = "";
    this.access = "";
    this.refresh = "";
    /** @type {(isOnline: boolean) => void} */
    this.onreachable = () => {};
    /** @type {(server: number) => void} called with the time of the server */
    this.onclock = () => {};
    /** @type {() => void} */
    this.onloggedout = () => {};
  }

  /** @param {{access: string, refresh?: string} | null} tokens */
  useTokens(tokens) {
    this.access = tokens?.access ?? "";
    this.refresh = tokens?.refresh ?? "";
  }

  /** @param {string} path @param {Record<string, string | number>} [query] */
  async get(path, query = {}) {
    const text = new URLSearchParams(/** @type {any} */ (query)).toString();
    return this.send("GET", text ? `${path}?${text}` : path);
  }

  /** Return an answer that is plain text. @param {string} path @param {Record<string, string>} query @returns {Promise<string>} */
  async getText(path, query) {
    return this.send("GET", `${path}?${new URLSearchParams(query)}`, undefined, { reads: "text" });
  }

  /** Return an answer that is no text. @param {string} path @param {Record<string, string>} query @returns {Promise<Uint8Array<ArrayBuffer>>} */
  async getBytes(path, query) {
    return this.send("GET", `${path}?${new URLSearchParams(query)}`, undefined, { reads: "bytes" });
  }

  /**
   * Send a POST that may be sent again: by the `id` of its body, or by a key of its own.
   *
   * @param {string} path
   * @param {any} [body]
   * @param {{timeout?: number, key?: string, anonymous?: boolean}} [options]
   */
  async post(path, body = {}, options = {}) {
    return this.send("POST", path, body, { key: crypto.randomUUID(), ...options });
  }

  /** Return all rows of a list. @param {string} path @param {Record<string, string | number>} [query] */
  async getAll(path, query = {}) {
    const rows = [];
    /** @type {string | null} */
    let cursor = null;
    do {
      const asked = { page_size: 200, ...query };
      const page = await this.get(path, cursor ? { ...asked, cursor } : asked);
      rows.push(...page.results);
      cursor = page.cursor;
    } while (cursor);
    return rows;
  }

  /**
   * Return the answer. Raises `Refused` with the problem, or `Unreachable` without an answer.
   *
   * @param {string} method
   * @param {string} path
   * @param {any} [body]
   * @param {{timeout?: number, key?: string, anonymous?: boolean, reads?: Reads}} [options]
   * @returns {Promise<any>}
   */
  async send(method, path, body, options = {}) {
    const access = options.anonymous ? "" : this.access;
    const response = await this.fetch(method, path, body, { ...options, access });
    if (response.status === 401 && access && (await this.renew(access))) {
      return this.send(method, path, body, options);
    }
    if (response.ok) {
      const answer = await this.readAnswer(response, options.reads);
      const isExpected = options.reads ? answer !== null : hasShape(method, path, answer);
      return isExpected ? answer : this.rejectAnswer();
    }
    const problem = await this.readProblem(response);
    if (response.status === 401 && access && access === this.access) this.onloggedout();
    throw new Refused(problem, response.status);
  }

  /** Return the problem document of a refusal. @param {Response} response */
  async readProblem(response) {
    const problem = await this.readAnswer(response);
    return typeof problem?.code === "string" ? problem : this.rejectAnswer();
  }

  /** @param {Response} response @param {Reads} [reads] @returns {Promise<any>} */
  async readAnswer(response, reads = "json") {
    if (response.status === NO_CONTENT) return null;
    if (reads === "bytes") return this.readBody(async () => new Uint8Array(await response.arrayBuffer()));
    return this.readBody(() => (reads === "text" ? response.text() : response.json()));
  }

  /** Raise `Unreachable` for an answer that the server does not give. @returns {never} */
  rejectAnswer() {
    this.onreachable(false);
    throw new Unreachable("Something else answers in place of the server.");
  }

  /** @template T @param {() => Promise<T>} read */
  async readBody(read) {
    try {
      return await read();
    } catch {
      this.onreachable(false);
      throw new Unreachable("The connection was lost.");
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {any} body
   * @param {{timeout?: number, key?: string, access: string, reads?: Reads}} options
   */
  async fetch(method, path, body, { timeout = TIMEOUT, key, access, reads = "json" }) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (access) headers.Authorization = `Bearer ${access}`;
    if (this.terminalToken) headers["X-Terminal-Token"] = this.terminalToken;
    if (key) headers["Idempotency-Key"] = key;
    let response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "omit",
        // The API redirects nothing. After a redirect a POST would be sent as GET, whose answer is another one.
        redirect: "error",
        cache: "no-store",
        signal: AbortSignal.timeout(timeout),
      });
    } catch {
      this.onreachable(false);
      throw new Unreachable("The server does not answer.");
    }
    // A proxy without its server, or a server without its database, is as good as none.
    if (response.status >= 500) {
      this.onreachable(false);
      throw new Unreachable(`The server answered ${response.status}.`);
    }
    const type = response.headers.get("Content-Type") ?? "";
    const expected = response.ok ? TYPES[reads] : JSON_TYPE;
    if (response.status !== NO_CONTENT && !expected.test(type)) {
      this.rejectAnswer();
    }
    this.onreachable(true);
    const time = Date.parse(response.headers.get("Date") ?? "");
    if (time) this.onclock(time);
    return response;
  }

  /** Return whether a new access token could be had in place of one that has expired. @param {string} expired */
  async renew(expired) {
    if (this.access !== expired) return Boolean(this.access);
    if (!this.refresh) return false;
    const { refresh } = this;
    const response = await this.fetch("POST", "auth/token/refresh/", { refresh }, { access: "" });
    if (!response.ok) {
      await this.readProblem(response);
      return false;
    }
    const answer = await this.readAnswer(response);
    if (!hasShape("POST", "auth/token/refresh/", answer)) this.rejectAnswer();
    this.useTokens(answer);
    return true;
  }
}
