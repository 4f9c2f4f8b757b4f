import { html } from "hono/html";
import { PROBLEMS } from "../../src/orders/http/problem.ts";
import { CODES, PROBLEM_DOCS } from "../problems.ts";
import type { Document } from "../types.ts";
import { headings, type Html, inline, markdown, nothing, pre, slug } from "./markdown.ts";
import { type Call, operationSection, shown } from "./operation.ts";
import { schemaSection } from "./schema.ts";

/** Renders the contract as one page without scripts, which also works offline. */
export async function docsPage(document: Document): Promise<string> {
  const calls = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): Call => ({ method, path, operation })),
  );
  const { title, version, summary, description } = document.info;
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="description" content="${summary}" />
        <title>${title} API</title>
        <link rel="icon" href="/docs.svg" />
        <link rel="stylesheet" href="/docs.css" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <h1>${title} <small>API ${version}</small></h1>
          <p><a href="/openapi.json">openapi.json</a></p>
        </header>
        <nav aria-label="Contents">${contents(document, calls)}</nav>
        <main id="main">
          ${markdown(description)}
          ${document.tags.map(({ name, description: text }) => {
            const own = calls.filter(({ operation }) => operation.tags.includes(name));
            return html`<section>
              <h2 id="${slug(name)}"><a href="#${slug(name)}">${name}</a></h2>
              <p>${inline(text)}</p>
              ${own.map((call) => operationSection(call, document))}
            </section>`;
          })}
          ${problemSection(document, calls)} ${schemaSection(document)}
        </main>
      </body>
    </html> `;
  return `${page}`.replace(/^[ \t]+$/gm, "").replace(/\n{2,}/g, "\n");
}

function contents(document: Document, calls: Call[]): Html {
  return html`<details>
    <summary>Contents</summary>
    <ul>
      ${headings(document.info.description).map(
        (title) => html`<li><a href="#${slug(title)}">${title}</a></li>`,
      )}
      ${document.tags.map(
        ({ name }) =>
          html`<li>
            <a href="#${slug(name)}">${name}</a>
            <ul>
              ${calls
                .filter(({ operation }) => operation.tags.includes(name))
                .map(
                  ({ operation }) =>
                    html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>`,
                )}
            </ul>
          </li>`,
      )}
      <li><a href="#problem-codes">Problem codes</a></li>
      <li><a href="#schemas">Schemas</a></li>
    </ul>
  </details>`;
}

/** One entry for each code; a problem's `type` is `/docs#<code>`. */
function problemSection(document: Document, calls: Call[]): Html {
  return html`<section>
    <h2 id="problem-codes"><a href="#problem-codes">Problem codes</a></h2>
    <p>All problem codes. A problem's <code>type</code> links to its entry.</p>
    ${CODES.map((code) => {
      const [status, title] = PROBLEMS[code];
      const { means, remedy } = PROBLEM_DOCS[code];
      const users = calls.filter(({ operation }) => answersWith(operation.responses, code));
      const example = document.components.examples[code];
      return html`<article id="${code}" class="problem">
        <h3>
          <a href="#${code}"><code>${code}</code></a>
          <span class="status s${`${status}`.slice(0, 1)}">${status}</span>
        </h3>
        <p><strong>${title}.</strong> ${inline(means)}</p>
        <p>${inline(remedy)}</p>
        ${users.length === 0 || users.length === calls.length ? nothing : usersLine(users)}
        <details>
          <summary>Example</summary>
          ${pre(shown(example?.value))}
        </details>
      </article>`;
    })}
  </section>`;
}

const answersWith = (responses: Call["operation"]["responses"], code: string): boolean =>
  Object.values(responses).some(
    ({ content }) => code in (content?.["application/problem+json"]?.examples ?? {}),
  );

const usersLine = (users: Call[]): Html =>
  html`<p class="headers">
    Answered by
    ${users.map(
      ({ operation: { operationId, summary } }, i) =>
        html`${i > 0 ? ", " : ""}<a href="#${operationId}">${summary.toLowerCase()}</a>`,
    )}.
  </p>`;
