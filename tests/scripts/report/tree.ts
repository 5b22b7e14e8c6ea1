import { type DefaultTreeAdapterTypes as Tree, parse as parseDocument, parseFragment } from 'parse5';

export type Node = Tree.Node;

export const parse = (html: string): Node => (html.startsWith('<!doctype') ? parseDocument(html) : parseFragment(html));

/** All elements below a node in the order of the source, or those of some names. */
export function elements(node: Node, ...names: string[]): Tree.Element[] {
  const children = 'childNodes' in node ? node.childNodes : [];
  return children.flatMap((child) => {
    const own = 'tagName' in child && (names.length === 0 || names.includes(child.tagName)) ? [child] : [];
    return [...own, ...elements(child, ...names)];
  });
}

export function attribute(element: Tree.Element, name: string): string | undefined {
  return element.attrs.find((one) => one.name === name)?.value;
}

/** Texts with the names of the elements around each. */
export function textNodes(node: Node, within: readonly string[] = []): { text: string; within: readonly string[] }[] {
  if (node.nodeName === '#text') return [{ text: (node as Tree.TextNode).value, within }];
  const inside = 'tagName' in node ? [...within, node.tagName] : within;
  return 'childNodes' in node ? node.childNodes.flatMap((child) => textNodes(child, inside)) : [];
}

export function textOf(node: Node): string {
  return textNodes(node)
    .map(({ text }) => text)
    .join('');
}
