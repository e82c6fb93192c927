// Make an element's content equal to some HTML while keeping the nodes that can be kept: a button under the mouse, an
// open <details> and the focus survive an update.
const template = document.createElement("template");

export function morph(element, html) {
  template.innerHTML = html;
  children(element, template.content);
}

function children(old, fresh) {
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, place) => {
    const kept = before[place];
    if (!kept) old.append(node);
    else if (same(kept, node)) sync(kept, node);
    else kept.replaceWith(node);
  });
  for (const node of before.slice(after.length)) node.remove();
}

function same(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.id === b.id && a.dataset?.key === b.dataset?.key;
}

function sync(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    // What the reader opened stays open.
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  children(old, fresh);
}
