import { html, raw } from "hono/html";

/** Renders the Markdown that the contract uses: headings, lists, fences, `code` and links. */

export type Html = ReturnType<typeof html>;

/** The id of a heading: "The feed protocol" → "the-feed-protocol". */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\w]+/g, "-")
    .replace(/^-|-$/g, "");

/** The second-level headings, for the table of contents. */
export const headings = (text: string): string[] =>
  [...text.matchAll(/^## (.+)$/gm)].flatMap(([, title]) => title ?? []);

/** Empty lines separate blocks, except inside a fence. */
export function markdown(text: string): Html {
  const blocks = text.match(/^```[^]*?^```$|(?:(?!^```).+\n?)+/gm) ?? [];
  return html`${blocks.map((part) => block(part.trim()))}`;
}

function block(text: string): Html {
  const [, code] = /^```\w*\n([^]*)\n```$/.exec(text) ?? [];
  if (code !== undefined) return pre(code);
  const [, title] = /^## (.+)$/.exec(text) ?? [];
  if (title !== undefined) {
    return html`<h2 id="${slug(title)}"><a href="#${slug(title)}">${title}</a></h2>`;
  }
  if (text.startsWith("- ")) {
    const items = text.split(/\n- /).map((item) => item.replace(/^- /, ""));
    return html`<ul>
      ${items.map((item) => html`<li>${inline(item)}</li>`)}
    </ul>`;
  }
  return html`<p>${inline(text)}</p>`;
}

export function inline(text: string): Html {
  const parts = text.split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/);
  return html`${parts.map((part) => {
    if (part.startsWith("`")) return html`<code>${part.slice(1, -1)}</code>`;
    const [, label, href] = /^\[(.+)\]\((.+)\)$/.exec(part) ?? [];
    return href === undefined ? part : html`<a href="${href}">${label}</a>`;
  })}`;
}

/** Code scrolls sideways, so it needs keyboard focus. */
export const pre = (code: string): Html => html`<pre tabindex="0"><code>${code}</code></pre>`;

export const nothing: Html = raw("");
