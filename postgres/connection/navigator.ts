/**
 * Imported before `pg`: it looks at `navigator` to tell where it runs, and in Node 20, which has none, constructs a Response instead, for which Node
 * loads its whole HTTP client. Node 21 and newer have it.
 */
if (typeof (globalThis as { navigator?: unknown }).navigator === 'undefined') {
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true,
    value: { userAgent: `Node.js/${process.versions.node.split('.')[0]}` },
  });
}
