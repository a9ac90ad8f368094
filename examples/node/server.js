// A web tool in one file: change it, then `hearth deploy`.

import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";

import { page } from "./page.js";

const started = new Date();
const port = Number(process.env.PORT ?? 8000);
const app = new Hono();

app.get("/", (c) => {
  const name = (c.req.query("name") ?? "").trim().slice(0, 40);
  const facts = {
    "Node": process.versions.node,
    "Runs since": started.toISOString(),
    "Listens on port": port,
  };
  return c.html(page(name, facts));
});

app.get("/healthz", (c) => c.json({ status: "ok" }));

app.get("/style.css", serveStatic({ root: "./public" }));

const server = serve({ fetch: app.fetch, hostname: "0.0.0.0", port }, () => {
  console.log(`listening on port ${port}`);
});

// Hearth sends SIGTERM before it stops a program: finish open requests and accept no new ones.
process.on("SIGTERM", () => server.close(() => process.exit(0)));
