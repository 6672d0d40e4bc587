/**
 * State in, DOM out: `h` describes elements, `render` changes the DOM to match the description.
 *
 * Children with a `key` keep their element wherever they move in the list; others are matched by tag
 * and position. Event handlers are properties (`onclick`), which a strict CSP allows. `onmount` is
 * called with the element after it was added, `onremove` before it is removed.
 *
 * @typedef {{tag: string, props: Record<string, any>, children: VNode[], text?: string}} VNode
 * @typedef {VNode | string | number | false | null | undefined} Child
 */

/** Properties of elements that change with their state, unlike their attributes. */
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "open", "inert"]);
const SPECIAL = new Set(["key", "onmount", "onremove"]);

/** @type {WeakMap<Node, {vnode: VNode, children: Map<string, Node>}>} */
const rendered = new WeakMap();

/**
 * Describe an element.
 *
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: normalize(children) };
}

/** @param {any[]} children @returns {VNode[]} */
function normalize(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
    .map((child) =>
      typeof child === "object" ? child : { tag: "#text", props: {}, children: [], text: `${child}` },
    );
}

/** Change the children of an element to those described. @param {Element} root @param {...(Child | Child[])} children */
export function render(root, ...children) {
  if (!rendered.has(root)) root.replaceChildren();
  const mounted = /** @type {(() => void)[]} */ ([]);
  patchChildren(root, normalize(children), mounted);
  for (const call of mounted) call();
}

/** Return a name for each child, which is the same as long as it is the same child. @param {VNode[]} children */
function nameChildren(children) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  const names = children.map(({ tag, props }) => {
    if (props.key !== undefined) return `${tag} ${props.key}`;
    seen.set(tag, (seen.get(tag) ?? 0) + 1);
    return `${tag}#${seen.get(tag)}`;
  });
  if (new Set(names).size !== names.length) throw new Error(`Keys must be unique: ${names}`);
  return names;
}

/** @param {Node} parent @param {VNode[]} children @param {(() => void)[]} mounted */
function patchChildren(parent, children, mounted) {
  const before = rendered.get(parent)?.children ?? new Map();
  const names = nameChildren(children);
  const kept = new Set(names);
  for (const [name, node] of before) {
    if (!kept.has(name)) remove(node);
  }
  const after = new Map();
  let next = parent.firstChild;
  children.forEach((vnode, at) => {
    const existing = before.get(names[at]);
    const node = existing ?? create(vnode, mounted);
    if (existing) patch(existing, vnode, mounted);
    if (node === next) next = next?.nextSibling ?? null;
    else parent.insertBefore(node, next);
    after.set(names[at], node);
  });
  const vnode = rendered.get(parent)?.vnode ?? { tag: "", props: {}, children: [] };
  rendered.set(parent, { vnode, children: after });
}

/** @param {VNode} vnode @param {(() => void)[]} mounted @returns {Node} */
function create(vnode, mounted) {
  if (vnode.tag === "#text") {
    const text = document.createTextNode(vnode.text ?? "");
    rendered.set(text, { vnode, children: new Map() });
    return text;
  }
  const element = document.createElement(vnode.tag);
  rendered.set(element, { vnode: { ...vnode, props: {} }, children: new Map() });
  patch(element, vnode, mounted);
  if (vnode.props.onmount) mounted.push(() => vnode.props.onmount(element));
  return element;
}

/** @param {Node} node @param {VNode} vnode @param {(() => void)[]} mounted */
function patch(node, vnode, mounted) {
  const known = rendered.get(node);
  if (!known) return;
  const before = known.vnode;
  known.vnode = vnode;
  if (vnode.tag === "#text") {
    if (before.text !== vnode.text) node.nodeValue = vnode.text ?? "";
    return;
  }
  const element = /** @type {HTMLElement} */ (node);
  // Children first: the value of a <select> exists only with its options.
  patchChildren(element, vnode.children, mounted);
  for (const name of Object.keys(before.props)) {
    if (!(name in vnode.props)) setProperty(element, name, null);
  }
  for (const [name, value] of Object.entries(vnode.props)) {
    if (value !== before.props[name] || PROPERTIES.has(name)) setProperty(element, name, value);
  }
}

/** @param {HTMLElement} element @param {string} name @param {any} value */
function setProperty(element, name, value) {
  if (SPECIAL.has(name)) return;
  const target = /** @type {any} */ (element);
  if (name.startsWith("on")) target[name] = value ?? null;
  else if (PROPERTIES.has(name)) {
    const wanted = value ?? (name === "value" ? "" : false);
    if (target[name] !== wanted) target[name] = wanted;
  } else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : value);
}

/** @param {Node} node */
function remove(node) {
  const known = rendered.get(node);
  for (const child of known?.children.values() ?? []) callOnRemove(child);
  callOwnOnRemove(node);
  node.parentNode?.removeChild(node);
}

/** @param {Node} node */
function callOnRemove(node) {
  for (const child of rendered.get(node)?.children.values() ?? []) callOnRemove(child);
  callOwnOnRemove(node);
}

/** @param {Node} node */
function callOwnOnRemove(node) {
  rendered.get(node)?.vnode.props.onremove?.(node);
}
