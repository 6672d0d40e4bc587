/** Requests to the API of Till, which every terminal uses. */

const TIMEOUT = 10_000;

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

/** No answer: nobody knows whether the request arrived. */
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

  /** Return an answer that is no text. @param {string} path @param {Record<string, string>} query @returns {Promise<Uint8Array<ArrayBuffer>>} */
  async getBytes(path, query) {
    return this.send("GET", `${path}?${new URLSearchParams(query)}`, undefined, { isBinary: true });
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
   * @param {{timeout?: number, key?: string, anonymous?: boolean, isBinary?: boolean}} [options]
   * @returns {Promise<any>}
   */
  async send(method, path, body, options = {}) {
    const access = options.anonymous ? "" : this.access;
    const response = await this.fetch(method, path, body, { ...options, access });
    if (response.status === 401 && access && (await this.renew(access))) {
      return this.send(method, path, body, options);
    }
    if (options.isBinary && response.ok) return new Uint8Array(await this.readBody(() => response.arrayBuffer()));
    const text = await this.readBody(() => response.text());
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get("Content-Type") ?? "");
    const answer = isJson && text ? JSON.parse(text) : text;
    if (response.ok) return answer;
    const problem = isJson ? answer : {};
    if (response.status === 401 && access && access === this.access) this.onloggedout();
    throw new Refused(problem, response.status);
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
   * @param {{timeout?: number, key?: string, access: string}} options
   */
  async fetch(method, path, body, { timeout = TIMEOUT, key, access }) {
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
    if (!response.ok) return false;
    this.useTokens(await response.json());
    return true;
  }
}
