/**
 * The service worker of the register: serves its page and files from the cache, never the API.
 *
 * Two lines before this comment, which the server writes, name the VERSION and the FILES.
 */

const PREFIX = "till-";
const CACHE = PREFIX + VERSION;
const PAGE = "/till/";

self.addEventListener("install", (event) => event.waitUntil(load()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

async function load() {
  const cache = await caches.open(CACHE);
  // Past the HTTP cache, because the names of files are not hashed in development.
  await cache.addAll([PAGE, ...FILES].map((url) => new Request(url, { cache: "reload" })));
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// The page asks for it when its cart is empty.
self.addEventListener("message", (event) => {
  if (event.data === "activate") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  const isPage = mode === "navigate" && pathname === PAGE;
  const isFile = origin === location.origin && FILES.includes(pathname);
  if (method === "GET" && (isPage || isFile)) event.respondWith(answer(isPage ? PAGE : pathname));
});

async function answer(path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(path);
}
