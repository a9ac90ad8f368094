// The page. `html` escapes inserted values.

import { html, raw } from "hono/html";

const flame = raw(`<svg class="flame" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" aria-hidden="true"><path d="M3 21V12a9 9 0 0 1 18 0v9z" stroke-linejoin="round"/><path d="M12 9c.5 2 3 3 3 5.6A3 3 0 0 1 9 14.6c0-1 .5-1.7 1.1-2.3.2.8.6 1.2 1.1 1.3C11.2 12 11.3 10.4 12 9z" fill="currentColor" stroke="none"/></svg>`);

export const page = (name, facts) => html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Hello from your tool</title>
  <link rel="stylesheet" href="style.css">
</head>
<body>
  <main>
    ${flame}
    <h1>Hello${name && `, ${name}`}. It runs.</h1>
    <p>This page was made by a small JavaScript program. Try <a href="/?name=Ada">a name in the address</a>.</p>
    <section class="panel">
      <h2>What is running</h2>
      <dl>
        ${Object.entries(facts).map(([what, value]) => html`<dt>${what}</dt><dd>${value}</dd>`)}
      </dl>
    </section>
    <section class="panel">
      <h2>Next</h2>
      <ol>
        <li>Change <code>server.js</code> or <code>page.js</code>.</li>
        <li>Run <code>hearth deploy</code>. The old page answers until the new one does.</li>
        <li>Run <code>hearth logs -f</code> and reload this page.</li>
      </ol>
    </section>
  </main>
</body>
</html>`;
